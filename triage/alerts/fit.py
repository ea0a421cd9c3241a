"""A text in the form a service wants and no longer than it takes. Strangers' words in it stay words in every form."""

from __future__ import annotations

import html
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from triage.alerts.text import Part, Text, plain_lines

#: A title longer than this is cut by most phones.
_TITLE = 150
#: CommonMark 2.4: any ASCII punctuation may be escaped; these mean something in the middle of a line, or make a heading
#: of one. Without brackets there is neither link nor image.
_MARKDOWN = re.compile(r"([\\`*_\[\]#|<>~&])")
_ROBOT = str.maketrans("*`[]<>#!|~", "＊｀［］＜＞＃！｜～")
_COLONS = ":\uff1a"
#: Words by which chats call everybody.
_CALL = re.compile(r"@(?=(?:everyone|here|channel|all|所有人)\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """How a service wants a message; see forms.toml."""

    form: Literal["text", "markdown", "robot", "html"] = "text"
    limit: int = 30_000
    unit: Literal["characters", "bytes"] = "characters"
    title: Literal["field", "same", "inside"] = "field"
    verdict: Literal["status", "body"] = "status"  # where the service says whether it took a message


@dataclass(frozen=True, slots=True)
class Fitted:
    """A message as it is sent."""

    title: str
    body: str
    form: Form

    @property
    def size(self) -> int:
        """Of the body, in the form's unit."""
        return _size(self.body, self.form)


def form_of(names: tuple[str, ...], limit: int = 30_000) -> Form:
    """The form of a service by its names in an Apprise URL; limit: of its body, for a service not in the table."""
    return next((_forms()[name] for name in names if name in _forms()), Form(limit=limit))


def fitted(text: Text, form: Form) -> Fitted:
    """A text in a service's form; what is least important is left out until it fits."""
    title = _calm(text.title if len(text.title) <= _TITLE else text.title[: _TITLE - 1] + "…")
    head = [Part((title,), spare=0)] if form.title == "inside" else []
    parts = [*head, *text.parts]
    while True:
        body = _body(parts, form, bold_first=bool(head))
        if _size(body, form) <= form.limit or not (shorter := _with_less(parts)):
            break
        parts = shorter
    if _size(body, form) > form.limit:  # one line alone is too long for it
        body = _cut(body, form)
    shown = "" if form.title == "inside" else _escaped(title, form) if form.title == "same" else title
    return Fitted(shown, body, form)


def _body(parts: list[Part], form: Form, *, bold_first: bool) -> str:
    if form.form == "text":
        return _calm("\n".join(line for part in parts for line in plain_lines(part)))
    blocks = [_block(part, form, bold=bold_first and position == 0) for position, part in enumerate(parts)]
    return _MARKS[form.form].between.join(blocks)


@dataclass(frozen=True, slots=True)
class _Marks:
    """What makes words strong, a line end, an address a link."""

    strong: str
    line: str
    link: str
    between: str  # two parts


_MARKS = {
    "markdown": _Marks("**{}**", "\n", "[{}]({})", "\n\n"),
    "robot": _Marks("**{}**", "\n", "[{}]({})", "\n\n"),
    "html": _Marks("<b>{}</b>", "<br/>\n", '<a href="{1}">{0}</a>', "<br/>\n"),
}


def _block(part: Part, form: Form, *, bold: bool) -> str:
    marks = _MARKS[form.form]
    name = _escaped(part.label.rstrip(), form)
    if part.link:
        return marks.link.format(name.rstrip(_COLONS), html.escape(part.link))
    label = marks.strong.format(name) if name else ""
    if part.style != "line":
        return marks.line.join(filter(None, [label, *_listed(part, form)]))
    lines = [_escaped(line, form) for line in part.lines]
    blank = " " if part.label.endswith(" ") else ""
    return label + blank + marks.line.join(marks.strong.format(line) if bold else line for line in lines)


def _listed(part: Part, form: Form) -> list[str]:
    """The lines of a list. What numbers them is ours and not escaped."""
    heads = (
        [f"{number}. " for number in range(1, len(part.lines) + 1)]
        if part.style == "numbers"
        else ["- "] * len(part.lines)
    )
    return [head + _escaped(line, form) for head, line in zip(heads, part.lines, strict=True)]


def _escaped(words: str, form: Form) -> str:
    calm = _calm(words)
    match form.form:
        case "markdown":
            return _MARKDOWN.sub(r"\\\1", calm)
        case "robot":
            return calm.translate(_ROBOT)
        case "html":
            return html.escape(calm)
        case _:
            return calm


def _calm(words: str) -> str:
    """Without a call to everybody in the room: a zero-width space behind the sign."""
    return _CALL.sub("@\u200b", words)


def _with_less(parts: list[Part]) -> list[Part]:
    """The same with the least important line left out; empty if nothing may be."""
    spare = [(part.spare, position) for position, part in enumerate(parts) if part.spare]
    if not spare:
        return []
    _, position = max(spare)
    shorter = parts[position].shorter
    return [*parts[:position], *([shorter] if shorter else []), *parts[position + 1 :]]


def _size(body: str, form: Form) -> int:
    return len(body.encode()) if form.unit == "bytes" else len(body)


def _cut(body: str, form: Form) -> str:
    if form.unit == "bytes":
        return body.encode()[: form.limit - 3].decode(errors="ignore") + "…"
    return body[: form.limit - 1] + "…"


@lru_cache(maxsize=1)
def _forms() -> dict[str, Form]:
    table = tomllib.loads((files("triage.alerts") / "forms.toml").read_text(encoding="utf-8"))
    return {name: Form(**content) for name, content in table.items()}
