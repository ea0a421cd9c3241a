"""A letter in Markdown as plain text, or as a Word document with its blanks marked."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from triage.advice.drafts import BLANK


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph or entry of a list."""

    kind: str  # heading, paragraph, bullet, number
    text: str
    level: int = 0  # of a heading, 1 to 6; of an entry, how deep it stands, from 0
    number: int = 0  # of a numbered entry


def blocks(markdown: str) -> list[Block]:
    """The blocks of a letter, in order."""
    found: list[Block] = []
    lists: list[tuple[str, int]] = []  # kind and the last number of each list that is open
    heading = 0
    for token in MarkdownIt("commonmark").parse(markdown):
        match token.type:
            case "bullet_list_open":
                lists.append(("bullet", 0))
            case "ordered_list_open":
                lists.append(("number", int(token.attrs.get("start", 1)) - 1))
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
            case "list_item_open":
                kind, number = lists[-1]
                lists[-1] = (kind, number + 1)
            case "heading_open":
                heading = int(token.tag[1])
            case "heading_close":
                heading = 0
            case "inline":
                text = "".join(_plain(token.children or []))
                if heading:
                    found.append(Block("heading", text, heading))
                elif lists:
                    found.append(Block(lists[-1][0], text, len(lists) - 1, lists[-1][1]))
                else:
                    found.append(Block("paragraph", text))
            case "code_block" | "fence" | "html_block":
                found.append(Block("paragraph", token.content.strip()))
    return found


def as_text(markdown: str) -> str:
    """The letter as plain text, for a form that takes nothing else."""
    lines: list[str] = []
    for block in blocks(markdown):
        indent = "   " * block.level
        match block.kind:
            case "heading":
                lines += ["", block.text, ""]
            case "bullet":
                lines.append(f"{indent}- {block.text}")
            case "number":
                lines.append(f"{indent}{block.number}. {block.text}")
            case _:
                lines += ["", block.text, ""]
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip() + "\n"


def as_docx(markdown: str) -> bytes:
    """The letter as a Word document; blanks are highlighted."""
    from docx import Document
    from docx.enum.text import WD_COLOR_INDEX
    from docx.oxml.ns import qn
    from docx.shared import Pt

    document = Document()
    base = document.styles["Normal"]
    base.font.name, base.font.size = "Calibri", Pt(11)
    # Word takes ideographs from a font of their own.
    base.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "Microsoft YaHei")
    styles = {"bullet": "List Bullet", "paragraph": "Normal", "number": "Normal"}
    for block in blocks(markdown):
        if block.kind == "heading":
            document.add_heading(block.text, level=min(block.level, 4))
            continue
        paragraph = document.add_paragraph(style=styles[block.kind])
        if block.kind == "number":  # Word would count on from one list to the next
            paragraph.add_run(f"{block.number}. ")
        for text, is_blank in _runs(block.text):
            run = paragraph.add_run(text)
            if is_blank:
                run.font.highlight_color = WD_COLOR_INDEX.YELLOW
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def _plain(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in {"text", "code_inline", "html_inline"}:
            yield token.content
        elif token.type in {"softbreak", "hardbreak"}:
            yield "\n"
        elif token.children:
            yield from _plain(token.children)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """A text cut into what is said and what is blank."""
    end = 0
    for match in BLANK.finditer(text):
        if match.start() > end:
            yield text[end : match.start()], False
        yield match[0], True
        end = match.end()
    if end < len(text):
        yield text[end:], False
