"""What is left of a mail that is kept to learn from: its words, without what names a person, a shop or a thing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from triage.labels import Platform
from triage.mail.domains import platform_of
from triage.types import Address, Mail

#: An example is no longer than what is judged of a mail.
MOST = 6_000

_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+")
#: Four digits and more, in one piece or with marks between them: telephone, account, order, identity card, a year too.
_NUMBER = re.compile(r"(?=(?:[ ./()-]?\d){4})\d(?:[ ./()-]?\d)+")
#: A word of letters and digits that is a number of something: ASIN, VAT, IBAN, case.
_CODE = re.compile(r"\b(?=[A-Za-z-]*\d)(?=\w*[A-Za-z])[A-Za-z0-9][A-Za-z0-9-]{5,40}\b")
#: Whom a mail greets, up to the end of the greeting. What stands for everybody ("Dear seller") says nothing and may go too.
_GREETING = re.compile(
    r"^(?P<hello>[ \t]*(?:dear|hello|hi|greetings|guten tag|hallo|liebe[rs]?|sehr geehrte[rs]?(?: (?:herr|frau))?|bonjour|cher|chère|"
    r"estimad[oa]|hola|gentile|salve|ciao|olá|prezad[oa]|beste|geachte|szanowny|hej|sayın)[ \t]+)[^\s,:;!?。，：！]+(?:[ \t]+[^\s,:;!?。，：！]+){0,3}"
    r"(?=[,:;!，：！]|[ \t]*$)",
    re.IGNORECASE | re.MULTILINE,
)
_CHINESE_GREETING = re.compile(r"(?P<hello>(?:尊敬的|亲爱的|親愛的)[ \t]*)[^，。：！,:!\n]{1,30}(?=[，。：！,:!\n])")
_JAPANESE_GREETING = re.compile(r"^[^\n、。]{1,40}?(?=[ \t\u3000]*(?:様|さま|御中)[ \t\u3000、,]*$)", re.MULTILINE)


def masked(text: str, names: Iterable[str] = ()) -> str:
    """A text in which persons, addresses and numbers are masked. Lengths of time ("72 hours") and shares ("1.2 %") stay.

    names: further words to be masked wherever they stand: the store, the owner.
    """
    text = _URL.sub("https://masked.example/", text)
    text = _MAIL.sub("masked@masked.example", text)
    for greeting in (_GREETING, _CHINESE_GREETING):
        text = greeting.sub(r"\g<hello>NAME", text)
    text = _JAPANESE_GREETING.sub("NAME", text)
    for name in sorted({name.strip() for name in names if len(name.strip()) >= 3}, key=len, reverse=True):
        text = re.sub(re.escape(name), "NAME", text, flags=re.IGNORECASE)
    text = _CODE.sub(lambda code: re.sub(r"\w", "0", code[0]), text)
    return _NUMBER.sub(lambda number: re.sub(r"\d", "0", number[0]), text)[:MOST]


def masked_sender(sender: Address) -> str:
    """An address by which the understanding sees the same kind of sender: a platform's domain stays, others do not."""
    owner, _ = platform_of(sender.domain)
    return (
        f"masked@{sender.domain}" if owner is not Platform.NONE else ("masked@masked.example" if sender.email else "")
    )


def names_in(mail: Mail) -> list[str]:
    """The names of persons and shops that a mail's own fields tell."""
    owner, _ = platform_of(mail.sender.domain)
    return [mail.sender.name] if owner is Platform.NONE else []
