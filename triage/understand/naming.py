"""Who and where: the store a mail addresses, the marketplaces it speaks of, the rights owner who complained."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files

from triage.types import Mail, RightsOwner
from triage.understand.cues import EMAIL, Cued

_VALUE = re.compile(
    r"(?:\s?(?:name|names|名称|姓名|信息|nom|nombre|nome))?(?:\s*\([^()\n]{0,20}\))?\s*[:：|]\s*\|?\s*([^\n\r|;；<>]{2,80})"
)
#: A name ends where a sentence goes on.
_NAME_END = re.compile(
    r"\s*(?:[,，]\s|[。.]\s|[。]|\(|（|\s{2,}|\b(?:e-?mail|邮箱|电话|phone)\b\s*[:：])", re.IGNORECASE
)
_GREETING = re.compile(
    r"^\s*(?:dear|hello|hi|greetings|sehr geehrte[rs]?(?: damen und herren)?|guten tag|hallo|bonjour|cher|chère|chers|hola|estimad[oa]s?|gentile|buongiorno|"
    r"ciao|salve|spett\.le|尊敬的|亲爱的|親愛的|您好[,，]?|dzień dobry|szanown[yia]|beste|hej|sayın|merhaba|olá|prezad[oa])\s*[,，:]?\s*"
    r"(?P<name>[^\n,，:：!！。;]{2,60}?)\s*[,，:：!！。]?\s*$",
    re.IGNORECASE,
)
_JAPANESE_GREETING = re.compile(r"^\s*(?P<name>[^\n\s。、]{2,40}(?:\s[^\n。、]{1,30})?)\s*様\s*$")
_GREETED = ("尊敬的", "亲爱的", "親愛的", "dear ", "hello ", "hi ")
_WORD = re.compile(r"[^\W\d_]+")
_AMAZON = re.compile(r"amazon\.(com?\.[a-z]{2}|com|[a-z]{2})\b", re.IGNORECASE)


def store_name(mail: Mail, named: Cued) -> str:
    """The store a mail addresses: from a labelled line, else from its greeting; "" if it names none."""
    for cue in named.of("store"):
        if named.low.endswith(_GREETED, 0, cue.start):  # "Dear seller:" labels nothing, though a line follows
            continue
        match = _VALUE.match(named.text, cue.end - (named.text[cue.end - 1] in ":："))
        if match:
            name = _clean(match[1])
            if name and not EMAIL.search(name):
                return name
    for line in mail.text.split("\n", 6)[:6]:
        greeted = _GREETING.match(line) or _JAPANESE_GREETING.match(line)
        if greeted:
            name = _clean(greeted["name"])
            generic = _table()["generic"]["words"].split()
            words = _WORD.findall(name.lower())
            if words and not any(word in generic for word in words) and not _is_generic(name):
                return name
            return ""
    return ""


def rights_owner(named: Cued) -> RightsOwner | None:
    """Who complained, with the address to write to; None if the mail names nobody."""
    name = email = ""
    for cue in named.of("owner"):
        value = _VALUE.match(named.text, cue.end)
        behind = named.text[cue.end : cue.end + 60].split("\n")[0]
        if value and not name:
            found = _clean(_NAME_END.split(value[1])[0])
            if found and not EMAIL.fullmatch(found):
                name = found
        labelled_email = re.match(
            r"[\s'’s]*(?:e-?mail|邮箱|電子郵件|メール|adresse|correo|contact)", behind, re.IGNORECASE
        )
        address = EMAIL.search(named.text, cue.end, cue.end + (120 if value or labelled_email else 220))
        if address and not email:
            email = address[0].lower().rstrip(".")
    return RightsOwner(name, email) if name or email else None


def marketplaces(mail: Mail, named: Cued) -> tuple[str, ...]:
    """The countries whose marketplace a mail speaks of: by domains and by names of sites, in the order of the text."""
    found: dict[str, None] = {}
    for match in _AMAZON.finditer(f"{mail.subject}\n{named.text[:4000]}"):
        suffix = match[1].lower()
        country = {"com": "US", "co.uk": "GB", "co.jp": "JP", "co.za": "ZA"}.get(
            suffix, suffix.rpartition(".")[2].upper()
        )
        if len(country) == 2:
            found.setdefault(country)
    for cue in named.of("site"):
        found.setdefault(cue.label)
    if not found and mail.origin.platform != "none":
        ending = mail.sender.domain.rpartition(".")[2]
        if len(ending) == 2 and ending not in {"co", "io", "me", "tv"}:
            found.setdefault("GB" if ending == "uk" else ending.upper())
    return tuple(found)[:12]


def _clean(name: str) -> str:
    return name.strip(" \t*\"'“”【】[]()（）|:：,，。").strip()[:60]


def _is_generic(name: str) -> bool:
    return any(word in name for word in _table()["generic"]["parts"].split())


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("triage.understand") / "naming.toml").read_text(encoding="utf-8"))
