"""An alert's text before it has a form: a title and parts, the most important first to stay when it must be short."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines that belong together. All of it is text: markup in it means nothing."""

    lines: tuple[str, ...]
    label: str = ""  # with its colon
    style: str = "line"  # line, bullets, numbers
    spare: int = 2  # 0: never left out; the higher, the sooner a short message does without it
    link: str = ""  # an address of ours behind the line

    @property
    def shorter(self) -> Part | None:
        """The same with a line less, or None if nothing would be left."""
        return replace(self, lines=self.lines[:-1]) if len(self.lines) > 1 else None


@dataclass(frozen=True, slots=True)
class Text:
    """What a target shows."""

    title: str
    parts: tuple[Part, ...]

    @property
    def body(self) -> str:
        """Everything as plain text."""
        return "\n".join(line for part in self.parts for line in plain_lines(part))


def plain_lines(part: Part) -> list[str]:
    """A part as lines of plain text."""
    listed = marked(part)
    if part.style != "line":
        return [*([part.label.rstrip()] if part.label else []), *listed]
    lines = [f"{part.label}{listed[0]}", *listed[1:]] if listed else [part.label]
    return [*lines, part.link] if part.link and part.link not in part.lines else lines


def marked(part: Part) -> list[str]:
    """The lines of a part, numbered or with dashes if it is a list."""
    match part.style:
        case "numbers":
            return [f"{number}. {line}" for number, line in enumerate(part.lines, 1)]
        case "bullets":
            return [f"- {line}" for line in part.lines]
        case _:
            return list(part.lines)
