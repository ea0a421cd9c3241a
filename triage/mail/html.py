"""HTML to text: lines, list items, cells and link targets kept, hidden text dropped and remembered, in bounded time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser, LexborNode

#: lexbor is quadratic in depth: 10,000 nested elements take a tenth of a second, 100,000 twenty. No real notice
#: has as many tags.
MOST_TAGS = 10_000
MOST_CHARACTERS = 500_000
MOST_LINKS = 200

#: White space of the source means one blank; what is left of these three then is put there by us. All are white space to
#: the parser as well: any other mark between the rows of a table would be moved in front of it.
#: _BREAK begins a new line, _EDGE does unless one has begun, _CELL parts the cells of a row.
_BREAK, _EDGE, _CELL = "\n", "\f", "\t"
_PARAGRAPH = re.compile(
    r"<(?=/?(?:[pP]|[tT][aA][bB][lL][eE]|[uUoOdD][lL]|[hH][1-6]|[bB][lL][oO][cC][kK]\w+|[pP][rR][eE])[ >/]|[bB][rR]\b)"
)
_BLOCK = re.compile(
    r"<(?=/?(?:[dD][iI][vV]|[tT][rR]|[dD][dDtT]|[sS][eE][cC]\w+|[aA][rRdD][tTdD]\w+|[hH][eE][aA]\w+|[fF][oOiI]\w+|[cC][eE][nN]\w+|[hH][rR])[ >/])"
)
_ITEM = re.compile(r"<[lL][iI](?: [^<>]{0,500})?>")
_CELL_END = re.compile(r"</[tT][dDhH]")
_EDGES = re.compile(r"\f[\f ]+")
_PRE = re.compile(r"(<pre\b[^<>]{0,500}>)(.*?)(</pre\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_DROPPED = ["script", "style", "head", "title", "template", "noscript", "object", "svg", "noframes", "map"]
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0*\.?0*(?:px|pt|em|%)?\s*(?:[;!\"']|$)|opacity\s*:\s*0*\.?0*\s*(?:[;!\"']|$)|"
    r"mso-hide\s*:\s*all|(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*;[^\"]*overflow\s*:\s*hidden|overflow\s*:\s*hidden[^\"]*(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*(?:[;\"']|$)|"
    r"(?:text-indent|left|top|margin-left)\s*:\s*-\d{4,}",
    re.IGNORECASE,
)
_STYLE = re.compile(r" [sS](?:tyle|TYLE) ?= ?(?:\"[^\"]*\"|'[^']*')")
_ACTIVE = ("<script", "<iframe", "onload", "onerror")
_COLOUR = re.compile(r"(?<![-\w])color\s*:\s*([^;!\"']+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*([^;!\"']+)", re.IGNORECASE)
_WHITE = re.compile(
    r"^\s*(?:#?fff(?:fff)?|white|rgba?\(\s*255\s*,\s*255\s*,\s*255\b.*|#f[d-f]f[d-f]f[d-f])\s*$", re.IGNORECASE
)
#: With what preheaders are filled up, so that the inbox shows nothing behind them.
_PADDING = "\n\t \u00a0\u200b\u200c\u200d\u034f\u00ad\u2007\ufeff"
_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Page:
    """What a person sees of an HTML body, and what it holds beside."""

    text: str
    links: tuple[tuple[str, str], ...]  # (visible text, target)
    hidden: bool = False  # text that nobody sees was in it, and was left out
    form: bool = False
    script: bool = False
    images: int = 0


def page(html: str) -> Page:
    """The visible text of an HTML body: a line a block, "- " before list items, " | " between cells."""
    html = _bounded(html)
    if "<pre" in html or "<PRE" in html:
        html = _PRE.sub(lambda m: m[1] + m[2].replace("\n", "<br>") + m[3], html)
    html = " ".join(html.split())
    may_hide = any(_hides(style) or _pale(style) for style in set(_STYLE.findall(html)))
    if not may_hide:
        html = _STYLE.sub("", html)  # half of a mail and more
    low = html.lower()
    may_hide = may_hide or "hidden" in low or "<font" in low
    tree = LexborHTMLParser(_with_breaks(html))
    script = any(sign in low for sign in _ACTIVE) and tree.css_first("script,iframe,[onload],[onerror]") is not None
    form = "<form" in low and tree.css_first("form") is not None
    tree.strip_tags(_DROPPED)
    hidden = may_hide and _without_hidden(tree)
    links = (
        tuple(
            (" ".join(node.text(deep=True).split())[:200], (node.attributes.get("href") or "").strip()[:2000])
            for node in tree.css("a[href],area[href]")[:MOST_LINKS]
        )
        if "href" in low
        else ()
    )
    images = len(tree.css("img")) if "<img" in low else 0
    root = tree.body or tree.root
    text = root.text(deep=True) if root else ""
    if _EDGE in text:
        text = (
            _EDGES.sub(_EDGE, text.replace(" \f", _EDGE))
            .replace("\f\n", "\n")
            .replace("\n\f", "\n")
            .replace(_EDGE, "\n")
        )
    if _CELL in text:
        text = "\n".join(_cells(line) if _CELL in line else line for line in text.split("\n"))
    return Page(tidy(text), links, hidden, form, script, images)


def tidy(text: str) -> str:
    """Runs of blanks as one blank, three and more line breaks as two."""
    lines = [" ".join(line.split()) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    text = "\n".join(lines).strip("\n")
    return _LINES.sub("\n\n", text) if "\n\n\n" in text else text


def _cells(row: str) -> str:
    """The cells of a row that say something."""
    return " | ".join(filter(None, (" ".join(cell.split()) for cell in row.split(_CELL))))


def _with_breaks(html: str) -> str:
    """The source with marks where a line, an item or a cell ends.

    Done on the source, because walking the parsed tree node by node costs four times as much as all the rest.
    """
    html = _BLOCK.sub(_EDGE + "<", _PARAGRAPH.sub(_BREAK + "<", html))
    if "<li" in html or "<LI" in html:
        html = _ITEM.sub(lambda m: _EDGE + m[0] + "- ", html)
    return _CELL_END.sub(lambda m: _CELL + m[0], html) if "<t" in html or "<T" in html else html


@lru_cache(maxsize=4096)
def _hides(style: str) -> bool:
    return bool(_HIDING.search(style))


@lru_cache(maxsize=4096)
def _pale(style: str) -> bool:
    """Whether a style gives text the colour of paper."""
    colour = _COLOUR.search(style)
    return colour is not None and _is_pale(colour[1])


def _is_pale(colour: str) -> bool:
    return bool(_WHITE.match(colour)) or colour.strip().lower() == "transparent"


def _without_hidden(tree: LexborHTMLParser) -> bool:
    """Take out what nobody sees; whether any text was in it."""
    found = False
    for node in tree.css("[hidden],[style],font[color],font[size]"):
        if node.parent is None or not _unseen(node):
            continue
        found = found or bool(node.text(deep=True).strip(_PADDING))
        node.decompose()
    return found


def _unseen(node: LexborNode) -> bool:
    attributes = node.attributes
    if "hidden" in attributes:
        return True
    style = attributes.get("style") or ""
    if _hides(style):
        return True
    if node.tag == "font" and (
        (attributes.get("size") or "").strip() == "0" or _is_pale(attributes.get("color") or "")
    ):
        return (attributes.get("size") or "").strip() == "0" or _on_white(node)
    return _pale(style) and _on_white(node)


def _on_white(node: LexborNode | None) -> bool:
    """Whether the nearest background that is set around a node is white; white where none is set."""
    while node is not None:
        style = node.attributes.get("style") or ""
        background = _BACKGROUND.search(style)
        value = background[1] if background else node.attributes.get("bgcolor") or ""
        if "url(" in style or node.attributes.get("background"):
            return False
        if value and value.strip().lower() not in {"transparent", "inherit", "none"}:
            return bool(_WHITE.match(value))
        node = node.parent
    return True


def _bounded(html: str) -> str:
    html = html[:MOST_CHARACTERS]
    if html.count("<") <= MOST_TAGS:
        return html
    end = -1
    for _ in range(MOST_TAGS):
        end = html.find("<", end + 1)
    return html[:end]
