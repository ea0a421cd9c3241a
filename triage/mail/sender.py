"""Who really sent a mail: the From domain against the platforms' own, what the receiving server verified, and what the
mail itself gives away. Everything found is kept with its weight; the verdict follows from it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files

from triage.findings import DECIDES, finding
from triage.labels import Platform, SenderVerdict
from triage.lookalikes import digits_as_letters, disguised, skeleton
from triage.mail import links
from triage.mail.authentication import aligned, believed, sealed
from triage.mail.domains import brands, imitates, platform_of, registrable, staff_words
from triage.phrases import Finder
from triage.types import Address, Finding, Mail, Origin

#: Of a text this is searched for a brand, for haste and for secrets: a lure is short.
_SEARCHED = 2_500
_WORD = re.compile(r"[\w-]+")
#: Where Latin letters end and others begin, without a blank.
_EDGE = re.compile(r"(?<=[a-z0-9])(?=[\u2e80-\uffff])|(?<=[\u2e80-\uffff])(?=[a-z0-9])")
_ADDRESS = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[\w-]{2,})")
#: Without one of these a text that only speaks of a platform is no forgery of it.
_TELLING = frozenset(
    {"link_shows_platform", "link_imitates", "link_hides_host", "disguised_letters", "brand_before_at", "form"}
)


def origin(mail: Mail, auth_server: str = "", forwarders: Sequence[str] = (), signatures: Sequence[str] = ()) -> Origin:
    """The verdict on a mail's sender, with the findings that led to it, the heaviest first.

    signatures: domains whose DKIM signature over this mail was verified here.

    A genuine notice is never forged: of a platform's own domain only a failed DMARC, or a failed SPF without any valid
    signature, says so, and that only where nobody passed the mail on.
    """
    platform, relay = platform_of(mail.sender.domain)
    if platform is Platform.NONE:
        return _strangers(mail, forwarders)
    if mail.forwarded and mail.forwarded.how in {"inline", "attached"}:
        by = mail.forwarded.by.email or mail.forwarded.by.name or "?"
        found = [finding("forwarded_by", by), *_contents(mail, platform)]
        return Origin(SenderVerdict.FORWARDED, platform, relay, _heaviest(found))
    proofs, doubts = _authentication(mail, auth_server, forwarders, signatures)
    passed_on = mail.forwarded is not None or bool(mail.seals)
    if proofs:
        on = [finding("passed_on_by", mail.forwarded.by.email)] if mail.forwarded else []
        verdict = SenderVerdict.FORWARDED if mail.forwarded or proofs[0].kind == "arc_pass" else SenderVerdict.PROVEN
        return Origin(verdict, platform, relay, (*proofs, *on))
    if any(each.weight >= DECIDES for each in doubts):
        if not passed_on:
            return Origin(SenderVerdict.FORGED, platform, relay, _heaviest([*doubts, *_contents(mail, platform)]))
        doubts = [finding("broken_on_the_way", registrable(mail.sender.domain))]
    if not doubts:
        doubts = [finding("no_results", registrable(mail.sender.domain))]
    own = mail.forwarded is not None and _is_own(mail.forwarded.by, forwarders)
    if mail.forwarded:
        doubts.append(finding("passed_on_by", mail.forwarded.by.email))
    verdict = SenderVerdict.FORWARDED if own else SenderVerdict.UNPROVEN
    return Origin(verdict, platform, relay, _heaviest([*doubts, *_contents(mail, platform)]))


def wants_signatures(mail: Mail, auth_server: str) -> bool:
    """Whether a mail is a platform's by its From, and no server that counts has said anything about it."""
    if platform_of(mail.sender.domain)[0] is Platform.NONE:
        return False
    if mail.forwarded and mail.forwarded.how in {"inline", "attached"}:
        return False
    return not any(result.method in {"dkim", "dmarc"} for result in believed(mail, auth_server).results)


def pretended(sender: Address) -> tuple[Finding, ...]:
    """How a sender that is no platform's claims to be one; nothing if it does not."""
    found = []
    kind, _ = imitates(sender.domain)
    if kind:
        found.append(finding(kind, sender.domain))
    shown = _ADDRESS.search(sender.name)
    where = registrable(sender.domain) or "-"
    if shown and platform_of(shown[1].lower())[0] is not Platform.NONE:
        found.append(finding("address_in_name", where))
    elif _brand_alone(sender.name):
        found.append(finding("brand_in_name", where))
    if any(disguised(word) for word in _WORD.findall(sender.name)) and _brand_in(skeleton(sender.name)):
        found.append(finding("disguised_letters", sender.name))
    local = digits_as_letters(skeleton(sender.email.partition("@")[0]))
    if not found and any(brand in re.split(r"[._+-]", local) for brand in brands()):
        found.append(finding("brand_before_at", sender.email))
    return tuple(found)


def _strangers(mail: Mail, forwarders: Sequence[str]) -> Origin:
    """The verdict on a mail from a domain that is no platform's."""
    claims = list(pretended(mail.sender))
    if (
        mail.forwarded is None
        and mail.sender.name
        and platform_of(mail.reply_to.domain)[0] is not Platform.NONE
        and claims
    ):
        claims.append(finding("reply_elsewhere", mail.reply_to.email))
    speaks_of = _brand_in(skeleton(f"{mail.subject}\n{mail.sender.name}\n{mail.text[:_SEARCHED]}"))
    found = [*claims, *(_contents(mail, speaks_of) if speaks_of is not Platform.NONE or claims else ())]
    decided = any(each.weight >= DECIDES for each in claims)
    telling = any(each.kind in _TELLING for each in found) and sum(each.weight for each in found) >= DECIDES
    own = _is_own(mail.sender, forwarders)
    if decided or (telling and mail.forwarded is None and not own and not mail.bulk):
        return Origin(SenderVerdict.FORGED, Platform.NONE, False, _heaviest(found))
    verdict = SenderVerdict.FORWARDED if mail.forwarded is not None or own else SenderVerdict.UNPROVEN
    return Origin(verdict, Platform.NONE, False, _heaviest(found))


def _authentication(
    mail: Mail, auth_server: str, forwarders: Sequence[str], signatures: Sequence[str]
) -> tuple[list[Finding], list[Finding]]:
    """What proves the From domain, and what speaks against it."""
    own = registrable(mail.sender.domain)
    said = believed(mail, auth_server)
    found = aligned(said.results, mail.sender.domain)
    proofs = [each for each in found if each.weight < 0]
    if not proofs and own in map(registrable, signatures):
        proofs = [finding("own_dkim", own)]
    if not proofs and (seal := sealed(mail, said.results, forwarders)):
        proofs = [seal]
    if proofs:
        return proofs, []
    return [], [*found, *(finding("foreign_results", name) for name in said.strangers[:1] if not said.results)]


def _contents(mail: Mail, claimed: Platform) -> Iterator[Finding]:
    """What a mail that proves nothing gives away itself."""
    if mail.reply_to.email and registrable(mail.reply_to.domain) != registrable(mail.sender.domain):
        owner, _ = platform_of(mail.reply_to.domain)
        if owner is Platform.NONE or owner is not claimed:
            yield finding("reply_elsewhere", mail.reply_to.email)
    yield from links.findings(mail, claimed)
    yield from links.risky_files(mail)
    for trait in ("two_senders", "no_address", "form", "script", "hidden_text"):
        if trait in mail.traits:
            yield finding(trait)
    low = f"{mail.subject}\n{mail.text[:_SEARCHED]}".lower()
    for kind in ("asks_secret", "presses"):
        said = next((word for word in _wording()[kind] if word in low), "")
        if said:
            yield finding(kind, said)


def _brand_alone(name: str) -> bool:
    """Whether a display name is a platform's name and nothing but words of its staff around it."""
    plain = digits_as_letters(skeleton(name)).replace("_", " ").replace("-", " ")
    for brand in brands():
        if brand not in plain:
            continue
        joined = brand.replace(" ", "")
        words = _WORD.findall(_EDGE.sub(" ", plain.replace(brand, f" {joined} " if not brand.isascii() else joined)))
        if joined in words and all(word == joined or word.isdigit() or _is_staff(word) for word in words):
            return True
    return False


def _is_staff(word: str) -> bool:
    """Whether a word is one of a platform's staff, or is put together of such where words stand without blanks."""
    staff = staff_words()
    if word in staff or word.isascii():
        return word in staff
    for part in sorted((each for each in staff if not each.isascii()), key=len, reverse=True):
        word = word.replace(part, "")
    return not word


def _brand_in(text: str) -> Platform:
    """The platform a text names first, by words that are no others' as well."""
    for start, end, platform in _brand_finder().found(text):
        alone = not text[start:end].isascii() or (
            (start == 0 or not text[start - 1].isalnum()) and (end == len(text) or not text[end].isalnum())
        )
        if alone:
            return platform
    return Platform.NONE


def _is_own(address: Address, forwarders: Sequence[str]) -> bool:
    return any(address.email == each.lower() or address.domain == each.lower().lstrip("@") for each in forwarders)


def _heaviest(found: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda each: -abs(each.weight)))


@lru_cache(maxsize=1)
def _wording() -> dict[str, list[str]]:
    table = tomllib.loads((files("triage.mail") / "pretence.toml").read_text(encoding="utf-8"))
    return {
        kind: [word.strip().lower() for words in table[kind].values() for word in words.split("|")]
        for kind in ("presses", "asks_secret")
    }


@lru_cache(maxsize=1)
def _brand_finder() -> Finder[Platform]:
    return Finder(brands())
