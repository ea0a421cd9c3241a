"""What receiving servers say about a mail's origin (RFC 8601), and whose word counts.

Anybody can write an Authentication-Results header. One counts if the reader's own server wrote it: known by its authserv-id,
configured or learned from the mailbox; else by its place, above all that the sender could have written.
"Passed" says nothing without asking for which domain: a quarter of real phishing passes DMARC for its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import authres
from authres.core import AuthenticationResult

from triage.findings import finding
from triage.mail.domains import registrable
from triage.types import Finding, Mail, Stamp

#: What differs from mail to mail without saying anything of the domain: comments, signatures, selectors, local parts.
#: Without it a mailbox has a few dozen different values, and parsing one costs as much as all the rest of the reading.
_VOLATILE = re.compile(r"\([^()]*\)|\bheader\.[bs]=\S+|(?<==)[\w.+=/-]+(?=@)")
#: Properties without a type before the dot, which Microsoft writes and RFC 8601 does not know.
_UNTYPED = re.compile(r"\s(?!reason=)[a-z]+=[^\s;]*(?=[\s;]|$)")
#: Microsoft's servers leave out who speaks; these are the domains their Received headers name.
_NAMELESS_HOSTS = ("outlook.com", "office365.com", "microsoft.com")
_NAMELESS = re.compile(r"^\s*(?:spf|dkim|dmarc|compauth|auth|arc)\s*=")


@dataclass(frozen=True, slots=True)
class Results:
    """What a server that is believed says, and who else spoke."""

    results: tuple[AuthenticationResult, ...] = ()
    strangers: tuple[str, ...] = ()  # authserv-ids that are not believed


def believed(mail: Mail, auth_server: str) -> Results:
    """The results that count for a mail. auth_server: authserv-id of the reader's server, "" if it is not known."""
    strangers: list[str] = []
    for stamp in mail.authentication:
        server, results = _said(stamp.value)
        if server is None:
            continue
        if _is_own(server, stamp, mail, auth_server):
            more = [_said(other.value) for other in mail.authentication if other is not stamp]
            same = [r for name, found in more if name is not None and _same(name, server) for r in found]
            return Results((*results, *same), tuple(strangers))
        strangers.append(server)
    return Results((), tuple(strangers))


def author_server(mail: Mail) -> str:
    """The authserv-id of the topmost results, from which the own server's is learned; "" if there are none."""
    server = _said(mail.authentication[0].value)[0] if mail.authentication else ""
    return registrable(server) if server else ""


def aligned(results: Sequence[AuthenticationResult], domain: str) -> list[Finding]:
    """What results say about a From domain, the proof or the failure first.

    Only what was checked for the same registrable domain counts (RFC 7489, 3.1, relaxed alignment).
    """
    own = registrable(domain)
    passed = [
        finding(f"{result.method}_pass", own)
        for method in ("dmarc", "dkim", "spf")
        for result in results
        if result.method == method and result.result == "pass" and registrable(_domain_of(result)) == own
    ]
    if passed:
        return passed[:2]
    failed: list[Finding] = []
    for result in results:
        about = _domain_of(result)
        mine = not about or registrable(about) == own
        if result.method == "dmarc" and result.result == "fail" and mine:
            failed.insert(0, finding("dmarc_fail", own))
        elif result.method == "spf" and about and mine and result.result == "fail":
            failed.append(finding("spf_fail", own))
        elif result.method == "spf" and about and mine and result.result == "softfail":
            failed.append(finding("spf_soft", own))
        elif result.method == "compauth" and result.result == "fail":
            failed.append(finding("composite_fail", f"compauth={result.result}"))
    return failed


def sealed(mail: Mail, results: Sequence[AuthenticationResult], forwarders: Sequence[str]) -> Finding | None:
    """A forwarder's word that the mail had passed when it received it (RFC 8617); None if nobody trusted gives it.

    The chain must hold by the own server's results, and its newest seal be one of the reader's forwarders': a chain
    that holds says only that nobody changed what a stranger may have made up.
    """
    if not any(result.method == "arc" and result.result == "pass" for result in results):
        return None
    trusted = {registrable(each.rpartition("@")[2].lower()) for each in forwarders}
    for seal in mail.seals:
        if registrable(seal.sealer) not in trusted:
            return None  # a stranger stands between: what was said before may be made up
        _, found = _said(seal.results)
        if any(each.weight < 0 for each in aligned(found, mail.sender.domain)):
            return finding("arc_pass", seal.sealer)
    return None


def _is_own(server: str, stamp: Stamp, mail: Mail, auth_server: str) -> bool:
    if auth_server:
        return _same(server, auth_server)
    if not mail.received_by or stamp.hops == 0:
        return True  # above every Received header, or a copy without any: nobody behind the last server wrote it
    above = mail.received_by[: stamp.hops]
    if not server:
        return any(host.endswith(_NAMELESS_HOSTS) for host in above)
    # Below a Received header of the server that it names: that server would have removed one that is not its own
    # (RFC 8601, section 5).
    return any(host and _same(server, host) for host in above)


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower() or registrable(one.lower()) == registrable(other.lower())


def _said(value: str) -> tuple[str | None, tuple[AuthenticationResult, ...]]:
    """authserv-id and results of a header value; None for one that cannot be parsed."""
    return _parsed(_VOLATILE.sub("", value))


@lru_cache(maxsize=4096)
def _parsed(value: str) -> tuple[str | None, tuple[AuthenticationResult, ...]]:
    """The same of a value without what differs from mail to mail."""
    nameless = bool(_NAMELESS.match(value))
    if nameless:
        value = f"nameless.invalid; {value}"
    for candidate in (value, _UNTYPED.sub(" ", _plain(value))):
        try:
            parsed = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {candidate}")
        except Exception:  # noqa: S112 - the library raises what its own grammar did not expect
            continue
        return "" if nameless else str(parsed.authserv_id).lower(), tuple(parsed.results)
    return None, ()


def _plain(value: str) -> str:
    """A value without what is not of the form method=result or type.property=value."""
    head, *clauses = value.split(";")
    kept = []
    for clause in clauses:
        words = clause.split()
        if words and "=" in words[0]:
            kept.append(" ".join([words[0], *(w for w in words[1:] if re.fullmatch(r"[a-z]+\.[\w-]+=[^\s;]+", w))]))
    return "; ".join([head.strip(), *kept])


def _domain_of(result: AuthenticationResult) -> str:
    for name in ("header_d", "header_from", "header_i", "smtp_mailfrom", "smtp_helo"):
        value = getattr(result, name, None)
        if value:
            return str(value).rpartition("@")[2].lower().strip('<>"')
    for each in getattr(result, "properties", ()):
        if each.type == "header" and each.name in {"d", "from", "i"}:
            return str(each.value).rpartition("@")[2].lower()
    return ""
