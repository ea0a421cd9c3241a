"""winmail.dat: what Outlook wraps a mail in when it believes that the receiver is an Exchange server ([MS-OXTNEF]).

Read are the plain body, the HTML body and the names of the files inside; the compressed RTF body is not.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from triage.mail.charsets import decoded

_SIGNATURE = 0x223E9F78
_BODY, _ATTACHMENT_TITLE, _MESSAGE_PROPERTIES = 0x800C, 0x8010, 0x9003
_PLAIN, _RTF, _HTML = 0x1000, 0x1009, 0x1013
#: Bytes of a property of fixed length, by type ([MS-OXCDATA] 2.11.1), padded to four.
_FIXED = {
    0x0002: 4,
    0x0003: 4,
    0x0004: 4,
    0x000A: 4,
    0x000B: 4,
    0x0005: 8,
    0x0006: 8,
    0x0007: 8,
    0x0014: 8,
    0x0040: 8,
    0x0048: 16,
}
_STRING, _UNICODE, _BINARY, _OBJECT = 0x001E, 0x001F, 0x0102, 0x000D
_MULTIPLE = 0x1000


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What was in it."""

    plain: str = ""
    html: str = ""
    files: tuple[str, ...] = ()
    rich_only: bool = False  # the text is there, but only as compressed RTF


def unwrapped(data: bytes) -> Wrapped | None:
    """The texts and file names in a winmail.dat; None if it is none, or cut off before its first attribute."""
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        return None
    plain = html = ""
    rich = False
    files: list[str] = []
    at = 6
    while at + 9 <= len(data):
        attribute, length = struct.unpack_from("<II", data, at + 1)
        value = data[at + 9 : at + 9 + length]
        at += 9 + length + 2
        kind = attribute & 0xFFFF
        if kind == _BODY:
            plain = plain or decoded(value.rstrip(b"\0"))
        elif kind == _ATTACHMENT_TITLE:
            files.append(decoded(value.rstrip(b"\0"))[:200])
        elif kind == _MESSAGE_PROPERTIES:
            found = _properties(value)
            plain = plain or found.get(_PLAIN, "")
            html = html or found.get(_HTML, "")
            rich = rich or _RTF in found
    return Wrapped(plain, html, tuple(files[:200]), rich and not (plain or html))


def _properties(data: bytes) -> dict[int, str]:
    """The text properties of a message by their id; stops at the first byte that makes no sense."""
    found: dict[int, str] = {}
    try:
        at = 4
        for _ in range(min(struct.unpack_from("<I", data)[0], 500)):
            kind, name = struct.unpack_from("<HH", data, at)
            at += 4
            if name >= 0x8000:
                at = _behind_name(data, at)
            single = kind & ~_MULTIPLE
            if single in _FIXED and not kind & _MULTIPLE:
                at += _FIXED[single]
                continue
            (count,) = struct.unpack_from("<I", data, at)
            at += 4
            for _ in range(min(count, 500)):
                if single in _FIXED:
                    at += _FIXED[single]
                    continue
                (length,) = struct.unpack_from("<I", data, at)
                value = data[at + 4 : at + 4 + length]
                at += 4 + length + -length % 4
                if name in {_PLAIN, _HTML, _RTF} and single in {_STRING, _UNICODE, _BINARY, _OBJECT}:
                    text = value.decode("utf-16-le", "replace") if single == _UNICODE else decoded(value.rstrip(b"\0"))
                    found.setdefault(name, "" if name == _RTF else text.rstrip("\0"))
    except struct.error:
        pass  # cut off: what came before it counts
    return found


def _behind_name(data: bytes, at: int) -> int:
    """Where a named property's value begins: a GUID, then a number or a name in UTF-16."""
    (kind,) = struct.unpack_from("<I", data, at + 16)
    if kind == 0:
        return at + 24
    (length,) = struct.unpack_from("<I", data, at + 20)
    return int(at + 24 + length + -length % 4)
