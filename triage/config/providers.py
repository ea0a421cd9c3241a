"""The mail providers that are known by name."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's IMAP server, always over TLS on port 993."""

    name: str
    host: str
    addresses: tuple[str, ...]  # domains of its mail addresses
    password: dict[str, str]  # what it wants as a password, by language
    sign_in: str = "password"  # microsoft or google where it takes no password


@lru_cache(maxsize=1)
def providers() -> dict[str, Provider]:
    """All of them by name."""
    table = tomllib.loads((files("triage.config") / "providers.toml").read_text(encoding="utf-8"))
    return {
        name: Provider(
            name, content["host"], tuple(content["addresses"]), content["password"], content.get("sign_in", "password")
        )
        for name, content in table.items()
    }


def of_address(address: str) -> Provider | None:
    """The provider of a mail address, or None if its domain is nobody's that is known."""
    domain = address.rpartition("@")[2].lower()
    return next((provider for provider in providers().values() if domain in provider.addresses), None)
