"""Whose a domain is: the platforms' own, their relays for members' messages, the hosts their links lead to."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

import tldextract

from triage.labels import Platform
from triage.lookalikes import digits_as_letters, skeleton

#: A name that is left unsaid on purpose: short ones are parts of ordinary words and count only where they stand alone.
_LONG_BRAND = 6


@lru_cache(maxsize=4096)
def platform_of(domain: str) -> tuple[Platform, bool]:
    """The platform that owns a domain or its parent, and whether it is the relay for members' messages."""
    known = _owners()
    labels = domain.lower().rstrip(".").split(".")
    for start in range(len(labels) - 1):
        found = known.get(".".join(labels[start:]))
        if found:
            return found
    return Platform.NONE, False


@lru_cache(maxsize=4096)
def leads_to(host: str) -> Platform:
    """The platform whose pages a host serves: its own domains, and those it only links to."""
    owner, _ = platform_of(host)
    if owner is not Platform.NONE:
        return owner
    linked = _linked()
    labels = host.lower().rstrip(".").split(".")
    return next(
        (linked[name] for at in range(len(labels) - 1) if (name := ".".join(labels[at:])) in linked), Platform.NONE
    )


@lru_cache(maxsize=4096)
def registrable(domain: str) -> str:
    """The domain that somebody can own: its public suffix and one label before it."""
    return _suffixes()(domain).top_domain_under_public_suffix or domain


@lru_cache(maxsize=4096)
def imitates(domain: str) -> tuple[str, Platform]:
    """How a domain that is no platform's looks like one, and which: imitates, brand_below, or "" if it does not."""
    if not domain or leads_to(domain) is not Platform.NONE:
        return "", Platform.NONE
    shown = _readable(domain)
    own = registrable(domain)
    label = digits_as_letters(skeleton(_readable(own).partition(".")[0]))
    below = [skeleton(part) for part in shown.removesuffix(_readable(own)).split(".") if part]
    for brand, platform in brands().items():
        joined = brand.replace(" ", "")
        if not joined.isascii():
            continue
        if joined in label.split("-") or _holds(joined, label):
            return "imitates", platform
        if any(joined == part or part.startswith(f"{joined}-") or part.endswith(f"-{joined}") for part in below):
            return "brand_below", platform
    return "", Platform.NONE


@lru_cache(maxsize=1)
def brands() -> dict[str, Platform]:
    """The names by which impostors call themselves, lower-case, and whose they are."""
    return {brand: Platform(name) for name, row in _data().items() for brand in row.get("brand", ())}


@lru_cache(maxsize=1)
def staff_words() -> frozenset[str]:
    """Words around a brand that claim to be its staff rather than to speak about it."""
    table = tomllib.loads((files("triage.mail") / "pretence.toml").read_text(encoding="utf-8"))
    return frozenset(table["staff"]["words"].split())


def _holds(brand: str, label: str) -> bool:
    """Whether a label is a brand with words around it, or the brand misspelt."""
    if len(brand) >= _LONG_BRAND:
        return brand in label or any(_one_off(brand, part) for part in label.split("-"))
    rest = label.removeprefix(brand) if label.startswith(brand) else label.removesuffix(brand)
    return rest != label and (rest in staff_words() or rest.isdigit())


def _one_off(brand: str, label: str) -> bool:
    """Whether a label is a brand with one letter changed, left out, added or two neighbours swapped."""
    if label == brand or abs(len(label) - len(brand)) > 1:
        return False
    same = 0
    while same < min(len(label), len(brand)) and label[same] == brand[same]:
        same += 1
    brand_rest, label_rest = brand[same:], label[same:]
    return (
        label_rest == brand_rest[1:]  # left out
        or label_rest[1:] == brand_rest  # added
        or label_rest[1:] == brand_rest[1:]  # changed
        or (len(brand_rest) > 1 and label_rest == brand_rest[1] + brand_rest[0] + brand_rest[2:])  # swapped
    )


def _readable(domain: str) -> str:
    """A domain with its internationalised labels as people see them (RFC 3492)."""
    if "xn--" not in domain:
        return domain
    parts = []
    for part in domain.split("."):
        try:
            parts.append(part[4:].encode("ascii").decode("punycode") if part.startswith("xn--") else part)
        except UnicodeError:
            parts.append(part)
    return ".".join(parts)


@lru_cache(maxsize=1)
def _suffixes() -> tldextract.TLDExtract:
    # The public suffix list that comes with the library: a mail must not make us fetch anything.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=1)
def _data() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((files("triage.mail") / "domains.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _owners() -> dict[str, tuple[Platform, bool]]:
    known: dict[str, tuple[Platform, bool]] = {}
    for platform, row in _data().items():
        known.update({domain: (Platform(platform), False) for domain in row["own"]})
        known.update({domain: (Platform(platform), True) for domain in row.get("relay", ())})
    return known


@lru_cache(maxsize=1)
def _linked() -> dict[str, Platform]:
    return {host: Platform(name) for name, row in _data().items() for host in row.get("links", ())}
