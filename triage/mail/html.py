"""HTML to text: lines, list items and cells kept apart, hidden text dropped, in bounded time."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

#: lexbor is quadratic in depth: 10,000 nested elements take a tenth of a second, 100,000 twenty. No real notice
#: has as many tags.
MOST_TAGS = 10_000
MOST_CHARACTERS = 500_000

_BLOCKS = "br,p,div,tr,li,h1,h2,h3,h4,h5,h6,table,ul,ol,blockquote,section,article,header,footer,hr,pre"
_DROPPED = "script,style,head,title,template,noscript,object,svg"
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])|mso-hide\s*:\s*all",
    re.IGNORECASE,
)
_SPACES = re.compile(r"[ \t\u00a0\u3000]+")
_LINES = re.compile(r" ?\n[ \n]*\n ?")


def text_of(html: str) -> tuple[str, tuple[tuple[str, str], ...], bool]:
    """The visible text of an HTML body, its links as (visible text, target), and whether text was hidden in it."""
    html = _bounded(html)
    tree = LexborHTMLParser(html)
    tree.strip_tags(_DROPPED.split(","))
    hidden = False
    hides = "hidden" in html or _HIDING.search(html)  # once over the whole costs less than once a node
    for node in tree.css("[hidden],[style]") if hides else ():
        style = node.attributes.get("style") or ""
        if "hidden" in node.attributes or _HIDING.search(style):
            hidden = hidden or bool(node.text(strip=True))
            node.decompose()
    links = tuple(
        (_SPACES.sub(" ", node.text(deep=True)).strip()[:200], (node.attributes.get("href") or "")[:2000])
        for node in tree.css("a[href]")[:200]
    )
    for node in tree.css("td,th"):
        node.insert_after(" ")
    for node in tree.css(_BLOCKS):
        node.insert_before("\n")
    for node in tree.css("p,div,li,tr,h1,h2,h3,h4,h5,h6"):
        node.insert_after("\n")
    root = tree.body or tree.root
    return tidy(root.text(deep=True) if root else ""), links, hidden


def tidy(text: str) -> str:
    """Runs of blanks as one blank, three and more line breaks as two."""
    text = _SPACES.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _LINES.sub("\n\n", text.replace(" \n", "\n").replace("\n ", "\n")).strip()


def _bounded(html: str) -> str:
    html = html[:MOST_CHARACTERS]
    if html.count("<") <= MOST_TAGS:
        return html
    end = -1
    for _ in range(MOST_TAGS):
        end = html.find("<", end + 1)
    return html[:end]
