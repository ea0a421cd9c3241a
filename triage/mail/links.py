"""What the links and files of a mail say about its sender."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from triage.findings import finding
from triage.labels import Platform
from triage.mail.domains import imitates, leads_to, registrable
from triage.types import Finding, Mail

#: A mail has one button and a few links in its footer; a newsletter's hundreds say no more.
_MOST = 40
_SHORTENERS = frozenset(
    ["t.co", "is.gd", "tinyurl.com", "bit.ly", "shorturl.at", "lnk.to", "share.google", "goo.gl", "ow.ly", "cutt.ly", "rb.gy",
     "t.ly", "rebrand.ly", "s.id", "buff.ly", "tiny.cc", "v.gd", "dwz.cn", "suo.im", "u.nu", "qrco.de", "linktr.ee", "t.cn"]
)  # fmt: skip
_FREE_MAIL = frozenset(
    ["gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "qq.com", "163.com", "126.com", "gmx.de", "proton.me", "protonmail.com",
     "icloud.com", "mail.ru", "yandex.ru", "aol.com", "live.com", "msn.com"]
)  # fmt: skip
_LOOKS_LIKE_ADDRESS = re.compile(r"^\s*(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/?:#]\S*)?\s*$", re.IGNORECASE)
_RISKY = re.compile(
    r"\.(?:exe|scr|pif|com|bat|cmd|ps1|vbs?|js[e]?|wsf|hta|lnk|iso|img|vhdx?|jar|msi|docm|xlsm|pptm|one|html?|shtml|svg|xll|chm|reg|apk)$",
    re.IGNORECASE,
)


def findings(mail: Mail, claimed: Platform) -> Iterator[Finding]:
    """What the links of a mail say that is or claims to be a platform's; each kind once, at its first place."""
    seen: set[str] = set()
    for shown, target in mail.links[:_MOST]:
        for found in _about(shown, target, claimed, bulk=mail.bulk):
            if found.kind not in seen:
                seen.add(found.kind)
                yield found


def risky_files(mail: Mail) -> Iterator[Finding]:
    """Files that can run a program when they are opened."""
    for each in mail.attachments:
        name = each.name.lower()
        if _RISKY.search(name) and not each.kind.startswith(("image/", "message/")):
            yield finding("risky_attachment", each.name)
            return


@lru_cache(maxsize=8192)
def _about(shown: str, target: str, claimed: Platform, *, bulk: bool) -> tuple[Finding, ...]:
    if target.lower().startswith("mailto:"):
        domain = target[7:].partition("?")[0].rpartition("@")[2].lower()
        return (finding("link_mailto", target[7:].partition("?")[0]),) if domain in _FREE_MAIL else ()
    try:
        parts = urlsplit(target.strip())
        host = (parts.hostname or "").lower()
    except ValueError:  # brackets that are no IPv6 address, and other nonsense
        return (finding("link_hides_host", target[:80]),) if "://" in target else ()
    if parts.scheme in {"data", "javascript", "vbscript"}:
        return (finding("link_hides_host", f"{parts.scheme}:"),)
    if not host or parts.scheme not in {"http", "https"}:
        return ()
    if leads_to(host) is not Platform.NONE:
        return ()
    found = []
    if "@" in parts.netloc:
        found.append(finding("link_hides_host", parts.netloc[:80]))
    if imitates(host)[0]:
        found.append(finding("link_imitates", host))
    if _is_number(host):
        found.append(finding("link_to_number", host))
    if registrable(host) in _SHORTENERS:
        found.append(finding("link_shortened", host))
    address = _LOOKS_LIKE_ADDRESS.match(shown)
    if address and registrable(address[1].lower()) != registrable(host):
        shows_platform = leads_to(address[1].lower()) is not Platform.NONE
        # A newsletter's links all lead over its mailer's counter, whatever they show.
        found.append(finding("link_shows_platform" if shows_platform and not bulk else "link_tracked", host))
    if not found and claimed is not Platform.NONE:
        found.append(finding("link_elsewhere", registrable(host)))
    return tuple(found)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(re.fullmatch(r"(?:0x)?[0-9a-f]{8,10}", host) and (host.isdigit() or host.startswith("0x")))
    return True
