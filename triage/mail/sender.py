"""Who really sent a mail: the From domain against the platforms' own, and what the receiving server verified.

"Authentication passed" says nothing without asking for which domain: a quarter of real phishing passes DMARC for its
own domain. So a result counts only when its domain has the same registrable domain as the platform's.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import lru_cache
from importlib.resources import files

import authres
import tldextract

from triage.labels import Platform, SenderVerdict
from triage.types import Address, Mail, Origin

#: Words around a brand that claim to be its staff rather than to speak about it.
_STAFF_WORDS = frozenset(
    [
        "seller",
        "sellers",
        "central",
        "service",
        "services",
        "support",
        "team",
        "security",
        "notification",
        "notifications",
        "account",
        "accounts",
        "performance",
        "marketplace",
        "selling",
        "partner",
        "partners",
        "customer",
        "care",
        "center",
        "centre",
        "shop",
        "no-reply",
        "noreply",
        "com",
        "co",
        "us",
        "uk",
        "de",
        "jp",
        "eu",
        "fr",
        "it",
        "es",
        "office",
        "payments",
        "compliance",
        "verification",
        "alert",
        "alerts",
        "risk",
        "department",
        "inc",
        "the",
        "official",
        "merchant",
        "info",
        "kundenservice",
        "sicherheit",
        "卖家",
        "客服",
        "官方",
        "通知",
        "平台",
        "账户",
        "安全",
        "服务",
        "中心",
        "サポート",
        "カスタマーサービス",
        "お客様",
        "セラーセントラル",
    ]
)
_DIGITS_FOR_LETTERS = str.maketrans("013457", "oleast")
#: Letters of other scripts that look like Latin ones; the few that phishers use (Unicode TR 39).
_LOOK_ALIKES = str.maketrans("аеорсухіјѕԁոмтнвкԛ", "aeopcyxijsdnmthbkq")
#: What differs from mail to mail without saying anything of the domain: comments, signatures, selectors, local parts.
#: Without it a mailbox has a few dozen different values, and parsing one costs as much as all the rest of the reading.
_VOLATILE = re.compile(r"\([^()]*\)|\bheader\.[bs]=\S+|[\w.+=/-]+(?=@)")
#: Shorter brands are parts of ordinary words; they count only between hyphens.
_LONG_BRAND = 6


def origin(mail: Mail, auth_server: str = "", forwarders: tuple[str, ...] = ()) -> Origin:
    """The verdict on a mail's sender, with the findings that led to it."""
    platform, relay = platform_of(mail.sender.domain)
    passed_on = mail.forwarded_by is not None or mail.sender.email in forwarders
    if platform is Platform.NONE:
        claimed = pretended(mail.sender)
        if claimed:
            return Origin(SenderVerdict.FORGED, Platform.NONE, False, (claimed,))
        verdict = SenderVerdict.FORWARDED if passed_on else SenderVerdict.UNPROVEN
        return Origin(verdict, Platform.NONE, False, ())
    if mail.forwarded_by is not None:
        by = mail.forwarded_by.email or "someone"
        return Origin(
            SenderVerdict.FORWARDED, platform, relay, (f"forwarded by {by}; the original sender is not proven",)
        )
    passed, failed = _aligned(mail, auth_server)
    if passed:
        return Origin(SenderVerdict.PROVEN, platform, relay, (passed,))
    if failed:
        return Origin(SenderVerdict.FORGED, platform, relay, (failed,))
    return Origin(SenderVerdict.UNPROVEN, platform, relay, ("no authentication result for the sender's domain",))


def platform_of(domain: str) -> tuple[Platform, bool]:
    """The platform that owns a domain or its parent, and whether it is the relay for members' messages."""
    known = _domains()
    labels = domain.lower().rstrip(".").split(".")
    for start in range(len(labels) - 1):
        found = known.get(".".join(labels[start:]))
        if found:
            return found
    return Platform.NONE, False


def pretended(sender: Address) -> str:
    """In words, how a sender that is no platform's claims to be one; "" if it does not."""
    registrable = _registrable(sender.domain)
    label = _plain(registrable.partition(".")[0])
    below = {_plain(part) for part in sender.domain.removesuffix(registrable).split(".") if part}
    name = _plain(sender.name)
    for brand, platform in _brands().items():
        joined = brand.replace(" ", "")
        if joined in label.split("-") or (len(joined) >= _LONG_BRAND and (joined in label or _one_off(joined, label))):
            return f"the domain {registrable} imitates {platform.value} but does not belong to it"
        if any(joined == part or part.startswith(f"{joined}-") for part in below):
            return f"{platform.value} stands only in a subdomain of {registrable}"
        words = re.findall(r"[\w-]+", name.replace(brand, joined))
        if joined in words and all(w == joined or w in _STAFF_WORDS for w in words):
            return f'the name says "{platform.value}" but the address is at {registrable or "no domain"}'
    return ""


def _plain(text: str) -> str:
    """Lower-case Latin skeleton: compatibility forms folded, invisible characters gone, look-alikes replaced."""
    folded = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in {"Cf", "Mn"})
    return folded.lower().translate(_LOOK_ALIKES).translate(_DIGITS_FOR_LETTERS)


def _one_off(brand: str, label: str) -> bool:
    """Whether a label is a brand with one letter changed, left out, added or two neighbours swapped."""
    if label == brand or abs(len(label) - len(brand)) > 1:
        return False
    letters = "abcdefghijklmnopqrstuvwxyz"
    for i in range(len(brand) + 1):
        head, tail = brand[:i], brand[i:]
        if label == head + tail[1:] or (len(tail) > 1 and label == head + tail[1] + tail[0] + tail[2:]):
            return True
        if any(label in {head + c + tail[1:], head + c + tail} for c in letters):
            return True
    return False


def _aligned(mail: Mail, auth_server: str) -> tuple[str, str]:
    """In words, a pass for the sender's own registrable domain, and a failure of it; "" where there is none."""
    own = _registrable(mail.sender.domain)
    results = _results(mail.authentication, auth_server)
    for result in results:
        domain = _domain_of(result)
        if result.method in {"dkim", "dmarc"} and result.result == "pass" and domain and _registrable(domain) == own:
            return f"{result.method}=pass for {own}", ""
    for result in results:
        domain = _domain_of(result)
        if result.method == "dmarc" and result.result == "fail" and (not domain or _registrable(domain) == own):
            return "", f"DMARC fails for {own}"
        if result.method == "spf" and result.result == "fail" and domain and _registrable(domain) == own:
            return "", f"SPF fails for {own} and no valid signature of it is there"
    return "", ""


def _results(headers: tuple[str, ...], auth_server: str) -> list[authres.core.AuthenticationResult]:
    for value in headers:
        server, results = _parsed(_VOLATILE.sub("", value))
        if server is not None and (not auth_server or server == auth_server.lower()):
            return list(results)
    return []


@lru_cache(maxsize=2048)
def _parsed(value: str) -> tuple[str | None, tuple[authres.core.AuthenticationResult, ...]]:
    """authserv-id and results of a header value; None for one that cannot be parsed."""
    try:
        parsed = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {value}")
    except Exception:
        return None, ()
    return str(parsed.authserv_id).lower(), tuple(parsed.results)


def _domain_of(result: authres.core.AuthenticationResult) -> str:
    for name in ("header_d", "header_from", "header_i", "smtp_mailfrom"):
        value = getattr(result, name, None)
        if value:
            return str(value).rpartition("@")[2].lower()
    return ""


@lru_cache(maxsize=1)
def _suffixes() -> tldextract.TLDExtract:
    # The public suffix list that comes with the library: a mail must not make us fetch anything.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=4096)
def _registrable(domain: str) -> str:
    return _suffixes()(domain).top_domain_under_public_suffix or domain


@lru_cache(maxsize=1)
def _data() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((files("triage.mail") / "domains.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _domains() -> dict[str, tuple[Platform, bool]]:
    known: dict[str, tuple[Platform, bool]] = {}
    for platform, row in _data().items():
        known.update({domain: (Platform(platform), False) for domain in row["own"]})
        known.update({domain: (Platform(platform), True) for domain in row.get("relay", ())})
    return known


@lru_cache(maxsize=1)
def _brands() -> dict[str, Platform]:
    return {brand: Platform(name) for name, row in _data().items() for brand in row.get("brand", ())}
