"""HTML to text: lines, list items, cells and link targets kept, hidden text dropped and remembered, in bounded time."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
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
#: In front of which tags a mark is put, by the first letters behind their "<". A mark is put there as it is, without a
#: function: that is what makes it cheap.
_BREAKS = re.compile(r"<(?=br|p[> ]|/p|/?ta|/?ul|/?ol|h[1-4]|/h|/?bl|pr)")
_NEW_BLOCKS = re.compile(r"<(?=d[itd]|/d|tr|se|ar|he|ce|ad|fi|fo[ro]|h[56r]|li)")
_UPPER = re.compile(r"</?[A-Z][A-Za-z0-9]*")
_ITEM = re.compile(r"<li(?: [^<>]{0,500})?>")
_EDGES = re.compile(r"\f[\f ]+")
_PRE = re.compile(r"(<pre\b[^<>]{0,500}>)(.*?)(</pre\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_DROPPED = ["head", "style", "script", "title", "template", "noscript", "object", "svg", "noframes", "map"]
_DROPPED_TAGS = tuple(f"<{name}" for name in _DROPPED)
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0*\.?0*(?:px|pt|em|%)?\s*(?:[;!\"']|$)|opacity\s*:\s*0*\.?0*\s*(?:[;!\"']|$)|"
    r"mso-hide\s*:\s*all|(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*;[^\"]*overflow\s*:\s*hidden|overflow\s*:\s*hidden[^\"]*(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*(?:[;\"']|$)|"
    r"(?:text-indent|left|top|margin-left)\s*:\s*-\d{4,}",
    re.IGNORECASE,
)
_STYLE = re.compile(r"(style\s?=\s?(?:\"[^\"]*\"|'[^']*'))")
_UNSTYLED = re.compile(r"style\s?=\s?(?:\"[^\"]*\"|'[^']*')|\bhidden\b|</?font[^<>]*>", re.IGNORECASE)
_ACTIVE = ("<script", "<iframe", "onload", "onerror")
_COLOUR = re.compile(r"(?<![-\w])color\s*:\s*([^;!\"']+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*([^;!\"']+)", re.IGNORECASE)
_WHITE = re.compile(
    r"^\s*(?:#?fff(?:fff)?|white|rgba?\(\s*255\s*,\s*255\s*,\s*255\b.*|#f[d-f]f[d-f]f[d-f])\s*$", re.IGNORECASE
)
#: With what preheaders are filled up, so that the inbox shows nothing behind them.
_PADDING = "\n\t\f \u00a0\u200b\u200c\u200d\u034f\u00ad\u2007\ufeff"
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
    if "STYLE" in html:
        html = html.replace("STYLE", "style")
    pieces = _STYLE.split(html)
    may_hide = any(_hides(style) or _pale(style) for style in set(pieces[1::2]))
    if not may_hide:
        html = "".join(pieces[::2])  # without its styles, half of a mail and more
    if "<pre" in html or "<PRE" in html:
        html = _PRE.sub(lambda m: m[1] + m[2].replace("\n", "<br>") + m[3], html)
    html = " ".join(html.split())
    if _UPPER.search(html):
        html = _UPPER.sub(lambda m: m[0].lower(), html)
    low = html.lower()
    may_hide = may_hide or "hidden" in low or "<font" in low
    tree = LexborHTMLParser(_with_breaks(html))
    script = any(sign in low for sign in _ACTIVE) and tree.css_first("script,iframe,[onload],[onerror]") is not None
    form = "<form" in low and tree.css_first("form") is not None
    if any(tag in low for tag in _DROPPED_TAGS):
        tree.strip_tags(_DROPPED)
    hidden = may_hide and _without_hidden(tree, styled="background" in low and "<style" in low)
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
    text = tidy(text.replace(_CELL, " | "))
    if "|" in text:
        text = _without_empty_cells(text)
    if hidden and not text:
        return replace(page(_UNSTYLED.sub("", html)), hidden=True)  # a mail that hides everything is not silent
    return Page(text, links, hidden, form, script, images)


def tidy(text: str) -> str:
    """Runs of blanks as one blank, three and more line breaks as two."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\u00a0", " ").replace("\t", " ").replace("\u3000", " ")
    lines = [" ".join(line.split()) if "  " in line else line.strip() for line in text.split("\n")]
    text = "\n".join(lines).strip("\n")
    return _LINES.sub("\n\n", text) if "\n\n\n" in text else text


def _without_empty_cells(text: str) -> str:
    """Bars only between two cells that say something."""
    for _ in range(3):
        text = text.replace(" | |", " |")
    return text.replace(" |\n", "\n").replace("\n| ", "\n").removesuffix(" |").removeprefix("| ")


def _with_breaks(html: str) -> str:
    """The source with marks where a line, an item or a cell ends.

    Done on the source, because walking the parsed tree node by node costs four times as much as all the rest.
    """
    html = _NEW_BLOCKS.sub(_EDGE + "<", _BREAKS.sub(_BREAK + "<", html))
    html = html.replace("</td", _CELL + "</td").replace("</th>", _CELL + "</th>")
    return _ITEM.sub(r"\g<0>- ", html) if "<li" in html else html


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


def _without_hidden(tree: LexborHTMLParser, *, styled: bool) -> bool:
    """Take out what nobody sees; whether any text was in it.

    styled: a style sheet sets backgrounds, so that white text inside an element with a class may well be seen.
    """
    found = False
    for node in tree.css("[hidden],[style],font[color],font[size]"):
        if node.parent is None or not _unseen(node, styled=styled):
            continue
        found = found or bool(node.text(deep=True).strip(_PADDING))
        node.decompose()
    return found


def _unseen(node: LexborNode, *, styled: bool) -> bool:
    attributes = node.attributes
    if "hidden" in attributes:
        return True
    style = attributes.get("style") or ""
    if _hides(style):
        return True
    if node.tag == "font" and (
        (attributes.get("size") or "").strip() == "0" or _is_pale(attributes.get("color") or "")
    ):
        return (attributes.get("size") or "").strip() == "0" or _on_white(node, styled=styled)
    return _pale(style) and _on_white(node, styled=styled)


def _on_white(node: LexborNode | None, *, styled: bool) -> bool:
    """Whether the nearest background that is set around a node is white; white where none is set."""
    while node is not None:
        if styled and "class" in node.attributes:
            return False
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
