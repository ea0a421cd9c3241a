"""What a mail wants: the rule it rests on, the documents it asks for, and where the answer is to go."""

from __future__ import annotations

import re

from triage.labels import Platform
from triage.types import AnswerTo, Mail
from triage.understand.cues import EMAIL, Cued

_MOST = 12

_BOOK_TITLE = re.compile(r"《([^《》\n]{2,40})》|「([^「」\n]{2,40}(?:ポリシー|規約|契約|規範|ガイドライン))」")
_SECTION = re.compile(
    r"\b(?:sections?|clauses?|articles?|paragraphs?|abschnitte?|ziffer|artículo|sección|articolo|sezione|punkt)\s+"
    r"(?P<n>[A-Z]?-?\d{1,3}(?:[.\-]\d{1,3})*(?:\s?\([a-z0-9]{1,3}\))*)(?P<of>(?:\s+(?:of|der|des|du|de la|de los|del|dell[ao']|de)\s*(?:the|our|your|unserer|notre|nuestro|nostro)?\s?[^\n.;,()]{3,70})?)|"
    r"第\s?[\d一二三四五六七八九十]{1,4}(?:\.\d+)?\s?[条條款](?:第\s?[\d一二三四五六七八九十]{1,3}\s?[项項款])?|§\s?\d{1,3}[a-z]?(?:\s(?:Abs\.?\s?\d|UStG|HGB))?",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?<!\w)((?:[A-Z][\w&'’-]+|and|of|on|for|the|to|&|-)(?:\s(?:[A-Z][\w&'’-]+|and|of|on|for|the|to|&|-)){0,8}\s)?"
    r"(Polic(?:y|ies)|Agreement|Code of Conduct|Guidelines|Terms of (?:Use|Service|Sale)|Terms and Conditions|Rules|Standards)\b"
)
_NAMED_ABROAD = re.compile(
    r"([A-ZÄÖÜ][\w-]*(?:richtlinie|vertrag|kodex|bedingungen|ordnung)(?:\s(?:für|zu|von|der|des)\s[A-ZÄÖÜ][\w-]+)?)|"
    r"((?:[Pp]olitique|[Rr]èglement|[Cc]ontrat)\s(?:de|d'|sur|relative|du|des)[^\n.;,()]{3,50})|"
    r"((?:[Pp]olítica|[Aa]cuerdo|[Cc]ontrato|[Cc]ódigo de conducta)s?\s(?:de|del|sobre|para)\s[^\n.;,()]{3,50})|"
    r"((?:[Pp]olitica|[Aa]ccordo|[Cc]ontratto|[Cc]odice di condotta|[Nn]orme)\s(?:di|del|sulla|sui|per|in)\s[^\n.;,()]{3,50})"
)
_LEADING = re.compile(r"^(?:(?:and|of|on|for|the|to|&|-|our|your|this|see|under|per)\s)+", re.IGNORECASE)
_STEP = r"(?:[A-ZÄÖÜÉ][\w'’&-]{0,30}(?: (?:[A-ZÄÖÜÉ&][\w'’&-]{0,30}|(?:and|of|der|des|de|du|del|your) [A-ZÄÖÜÉ][\w'’&-]{0,30})){0,4}|[一-鿿ァ-ヶー]{2,12})"
_MENU = re.compile(rf"(?<!\w){_STEP}(?:\s?(?:>|→|»|›|>>)\s?[\"“「]?{_STEP}[\"”」]?){{1,4}}")
#: A menu stands in one line of prose; a longer line is something else.
_MENU_LINE = 400
_APPEALING = re.compile(
    r"appeal|account-?health|performance|reactivat|reinstat|notification|violation|dispute|compliance|verif|identity|kyc|case|"
    r"申诉|绩效|账户状况|提交|einspruch|kontozustand|leistung|recours|apela|ricorso|異議|再審査|アカウント健全性|respond|answer|contest|seller-?central|seller\.",
    re.IGNORECASE,
)
_FORM = re.compile(r"form|formular|formulaire|formulario|modulo|表单|表格|フォーム|survey|contact-?us", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"'）)】」]+")


def policies(named: Cued) -> tuple[str, ...]:
    """The policies and sections a mail cites, as it writes them."""
    if not named.of("policy"):
        return ()
    text = named.text[:8000]
    found: dict[str, None] = {}
    for match in _BOOK_TITLE.finditer(text):
        found.setdefault((match[1] or match[2]).strip())
    for match in _SECTION.finditer(text):
        found.setdefault(" ".join(match[0].split()))
    for pattern in (_NAMED, _NAMED_ABROAD):
        for match in pattern.finditer(text):
            name = _LEADING.sub("", " ".join(match[0].split())).strip()
            if (" " in name and not any(name in other for other in found)) or (
                pattern is _NAMED_ABROAD and len(name) > 8
            ):
                found.setdefault(name)
            if len(found) >= _MOST:
                break
    return tuple(found)[:_MOST]


def documents(named: Cued) -> tuple[str, ...]:
    """The kinds of document a mail speaks of asking for, in the order of the text."""
    return tuple(dict.fromkeys(cue.label for cue in named.of("document")))


def final(named: Cued) -> str:
    """The words by which a mail says that nothing more will be heard; empty if it says no such thing."""
    cues = named.of("final")
    return named.text[cues[0].start : cues[0].end] if cues else ""


def answer_to(mail: Mail, named: Cued) -> tuple[AnswerTo, ...]:
    """Where an answer is to go: pages and forms that are linked, addresses, a menu of the seller site, a simple reply."""
    found: dict[AnswerTo, None] = {}
    for cue in named.of("answer"):
        if cue.label == "reply":
            found.setdefault(AnswerTo("reply", mail.reply_to.email or mail.sender.email))
            break
    for shown, target in (*mail.links[:60], *((url, url) for url in _URL.findall(named.text)[:20])):
        if target.startswith(("http://", "https://")) and _APPEALING.search(f"{shown} {target}"):
            found.setdefault(AnswerTo("form" if _FORM.search(f"{shown} {target}") else "page", target.rstrip(".,;")))
        elif target.lower().startswith("mailto:"):
            found.setdefault(AnswerTo("address", target[7:].partition("?")[0].lower()))
    if "@" in named.text:
        for match in EMAIL.finditer(named.text):
            if _is_for_answers(match, named, mail):
                found.setdefault(AnswerTo("address", match[0].lower().rstrip(".")))
    for line in named.text.split("\n"):
        if len(line) <= _MENU_LINE and any(mark in line for mark in ">→»›"):
            for match in _MENU.finditer(line):
                found.setdefault(AnswerTo("menu", " ".join(match[0].split())))
    if not found and (cues := [cue for cue in named.of("answer") if cue.label != "reply"]):
        found.setdefault(AnswerTo("menu", named.text[cues[0].start : cues[0].end]))
    return tuple(found)[:_MOST]


def _is_for_answers(match: re.Match[str], named: Cued, mail: Mail) -> bool:
    """Whether an address in the text is where to write: the platform's own, or behind a word of sending or writing."""
    domain = match[0].rpartition("@")[2].lower().rstrip(".")
    own = mail.sender.domain
    if mail.origin.platform is not Platform.NONE and (
        domain == own or domain.endswith(f".{own}") or own.endswith(f".{domain}")
    ):
        return True
    before = named.low[max(0, match.start() - 60) : match.start()]
    return any(word in before for word in ("send", "write", "email", "e-mail", "contact", "发送", "发至", "联系", "senden", "schreiben",
                                           "envoy", "écri", "contact", "envíe", "escrib", "invi", "scriv", "送信", "まで", "reply to"))  # fmt: skip
