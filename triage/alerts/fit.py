"""A text in the form a service wants and no longer than it takes. Strangers' words in it stay words in every form."""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Callable
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
    blocks = [_RENDER[form.form](part, bold_first and position == 0) for position, part in enumerate(parts)]
    return {"html": "<br/>\n", "text": "\n"}.get(form.form, "\n\n").join(blocks)


def _text(part: Part, bold: bool) -> str:
    return _calm("\n".join(plain_lines(part)))


def _markdown(part: Part, bold: bool) -> str:
    return _with_marks(part, bold, Form(form="markdown"), "**", "**")


def _robot(part: Part, bold: bool) -> str:
    return _with_marks(part, bold, Form(form="robot"), "**", "**")


def _with_marks(part: Part, bold: bool, form: Form, before: str, after: str) -> str:
    def strong(words: str) -> str:
        return f"{before}{words}{after}" if words else ""

    label = strong(_escaped(part.label.rstrip(), form)) + (
        " " if part.label.endswith(" ") and part.style == "line" else ""
    )
    lines = [_escaped(line, form) for line in part.lines]
    match part.style:
        case "numbers":
            return "\n".join(filter(None, [label, *(f"{n}. {line}" for n, line in enumerate(lines, 1))]))
        case "bullets":
            return "\n".join(filter(None, [label, *(f"- {line}" for line in lines)]))
    if part.link:
        return f"[{_escaped(part.label.rstrip().rstrip(_COLONS), form)}]({part.link})"
    return label + "  \n".join(strong(line) if bold else line for line in lines)


def _html(part: Part, bold: bool) -> str:
    label = (
        f"<b>{html.escape(part.label.rstrip())}</b>" + (" " if part.label.endswith(" ") else "") if part.label else ""
    )
    lines = [html.escape(_calm(line)) for line in part.lines]
    match part.style:
        case "numbers":
            return "<br/>\n".join(filter(None, [label, *(f"{n}. {line}" for n, line in enumerate(lines, 1))]))
        case "bullets":
            return "<br/>\n".join(filter(None, [label, *(f"- {line}" for line in lines)]))
    if part.link:
        name = html.escape(part.label.rstrip().rstrip(_COLONS))
        return f'<a href="{html.escape(part.link)}">{name}</a>'
    return label + "<br/>\n".join(f"<b>{line}</b>" if bold else line for line in lines)


_RENDER: dict[str, Callable[[Part, bool], str]] = {
    "text": _text,
    "markdown": _markdown,
    "robot": _robot,
    "html": _html,
}


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
