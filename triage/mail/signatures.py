"""DKIM verified by ourselves (RFC 6376), for mail about which no receiving server has said anything that counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

import structlog

log = structlog.get_logger()

#: A key is looked up in a tenth of a second, or the name server is not there.
LOOKUP_TIMEOUT_S = 2.0
#: After a lookup that got no answer nobody is asked again for so long: a mailbox of thousands must not wait for each.
SILENCE_S = 300.0
#: A platform signs twice, a forwarder a third time.
_MOST_SIGNATURES = 4
#: Signed mail that is larger is an attack on our time: hashing it costs more than reading it.
_LARGEST = 2_000_000

#: Looks up the TXT record of a name; None if there is none. Raises OSError or TimeoutError if nobody answers.
Lookup = Callable[[str], bytes | None]


class Signatures:
    """Verifies signatures with keys from DNS; remembers keys, and for a while that nobody answers."""

    def __init__(self, lookup: Lookup | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lru_cache(maxsize=512)(lookup or dns_lookup)
        self._clock = clock
        self._silent_until = 0.0

    def valid(self, raw: bytes) -> tuple[str, ...]:
        """The domains (d=) whose signature over a message holds; none where DNS cannot be reached."""
        if self._clock() < self._silent_until or len(raw) > _LARGEST or b"dkim-signature" not in raw[:50_000].lower():
            return ()
        import dkim

        found = []
        for number in range(_MOST_SIGNATURES):
            try:
                check = dkim.DKIM(raw, timeout=int(LOOKUP_TIMEOUT_S), minkey=1024)
                if check.verify(idx=number, dnsfunc=self._key):
                    found.append(check.domain.decode("ascii", "replace").lower())
            except OSError as error:
                self._silent_until = self._clock() + SILENCE_S
                log.info("dkim_not_verified", reason=type(error).__name__, pause_s=SILENCE_S)
                break
            except Exception:  # noqa: S112 - a broken signature proves nothing, whatever is broken in it
                continue
        return tuple(dict.fromkeys(found))

    def _key(self, name: bytes | str, timeout: float = LOOKUP_TIMEOUT_S) -> bytes | None:
        return self._lookup(name.decode("ascii", "replace") if isinstance(name, bytes) else name)


def dns_lookup(name: str) -> bytes | None:
    """The TXT record of a name by the system's resolvers.

    Raises:
        TimeoutError: no name server answers.
    """
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.resolve(name.rstrip("."), "TXT", lifetime=LOOKUP_TIMEOUT_S, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    except dns.exception.DNSException as error:
        raise TimeoutError(f"no answer from DNS: {type(error).__name__}") from error
    return b"".join(next(iter(answer)).strings)
