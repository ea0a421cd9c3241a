"""triage draft: the letter that answers a case, and what is still wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from triage import answering
from triage.advice.drafts import Letter, languages, letter_language
from triage.advice.lint import Problem
from triage.cases import queries
from triage.cli.app import CaseNumber, ConfigOption, JsonOption, LanguageOption, app, database, language, now
from triage.cli.show import errors, out, plain, print_json
from triage.errors import UsageError
from triage.types import Case

Form = Literal["md", "txt", "docx"]
#: Over a right a person decides first; this is what there is to decide.
_CHOICES = {
    "en": {
        "head": "First: is it an infringement at all? Look the right up, compare, then choose:",
        Letter.DISPUTE: "it does not infringe: reasons and evidence, no apology",
        Letter.LICENCE: "we own it or are licensed: the proof of it",
        Letter.RETRACTION: "genuine goods, or settled: a letter to the rights owner, who must withdraw with the platform",
        Letter.COUNTER_NOTICE: "copyright, US only: a sworn statement that invites a lawsuit; a lawyer reads it first",
        Letter.PLAN: "we were wrong: what happened, what is done, how it will not happen again",
    },
    "zh": {
        "head": "首先：是否真的构成侵权？查询权利、对比商品，再选择：",
        Letter.DISPUTE: "不侵权：理由和证据，不道歉",
        Letter.LICENCE: "自有或已获授权：提交证明",
        Letter.RETRACTION: "正品或已解决：致权利人信，由其直接向平台撤诉",
        Letter.COUNTER_NOTICE: "仅限美国版权：宣誓声明，可能引发诉讼；先请律师审阅",
        Letter.PLAN: "确实侵权：原因、已采取措施、预防措施",
    },
}


@app.command(name="draft")
def draft_command(
    number: CaseNumber,
    path: ConfigOption = None,
    kind: Annotated[Letter | None, typer.Option(help="Which letter; where there is a choice, it is shown.")] = None,
    into: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; its ending says the form.")] = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="md, txt or docx. Default: as --out ends, else md.")
    ] = None,
    written_in: Annotated[
        str | None, typer.Option("--in", help="Language of the letter. Default: the one the platform reads.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", help="Say what is wrong with this letter instead of writing one.")
    ] = None,
    lang: LanguageOption = None,
    json: JsonOption = False,
) -> None:
    """Draft the answer to a case: plan of action, dispute, letter to the rights owner, documents.

    What the mails say and what is ticked is filled in; what only you know is a blank in [[double brackets]]. Nothing is
    invented, nothing is sent. When it is finished: [bold]triage draft 3 --check my-letter.md[/bold]
    """
    with database(path) as (db, settings):
        known = queries.existing(db, number)
        letters = answering.letters(known, settings)
        told = language(lang, settings, known.account)
        if kind is not None and kind not in letters:
            raise UsageError(f"case {number} is answered with: {', '.join(letters)}; not with {kind}")
        tongue = _tongue(written_in, known)
        if check is not None:
            found = answering.problems(db, known, _read(check), kind or letters[0], language=tongue, reader=told)
            _show_problems(found, check, as_json=json)
            raise typer.Exit(1 if found else 0)
        if kind is None and len(letters) > 1:
            _show_choices(number, letters, told, as_json=json)
            return
        letter = kind or letters[0]
        text = answering.drafted(db, known, letter, settings, language=tongue, reader=told, now=now())
        found = answering.problems(db, known, text, letter, language=tongue, reader=told)
        if json:
            print_json(
                {
                    "case": number,
                    "letter": letter.value,
                    "language": tongue,
                    "markdown": text,
                    "problems": _documents(found),
                }
            )
            return
        _write(text, into, form or _form_of(into))
        blanks = sum(problem.kind == "blank" for problem in found)
        zh = told == "zh"
        errors.print(f"[dim]{blanks} {'处待填 [[...]]；填完后：' if zh else 'blanks in [[...]]; when they are filled: '}"
                     f"triage draft {number} --kind {letter} --check FILE[/dim]".replace("[[", r"\[["))  # fmt: skip


def _tongue(asked: str | None, known: Case) -> str:
    if asked is None:
        return letter_language(known)
    if asked not in languages():
        raise UsageError(f'--in: "{asked}" is not known; letters are written in: {", ".join(languages())}')
    return asked


def _form_of(into: Path | None) -> Form:
    ending = into.suffix.lstrip(".").lower() if into else "md"
    if ending == "txt":
        return "txt"
    return "docx" if ending == "docx" else "md"


def _write(text: str, into: Path | None, form: Form) -> None:
    from triage.advice import paper

    if form == "docx" and into is None:
        raise UsageError("a Word document needs a file: --out letter.docx")
    content = paper.as_docx(text) if form == "docx" else (paper.as_text(text) if form == "txt" else text).encode()
    if into is None:
        out.print(content.decode(), markup=False, soft_wrap=True, end="")
        return
    try:
        # A letter somebody has worked on is not written over.
        with into.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError(f"{into}: is there already; name another file, or remove it first") from None
    except OSError as error:
        raise UsageError(f"{into}: cannot be written: {error.strerror}") from error
    out.print(f"{into}", markup=False)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text file; --check reads Markdown or plain text") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


def _show_problems(found: Sequence[Problem], path: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(_documents(found))
        return
    for problem in found:
        place = f"{path}:{problem.line}" if problem.line else str(path)
        out.print(f"{plain(place)}: [yellow]{problem.kind}[/yellow]: {plain(problem.text)}")
    if not found:
        out.print(f"{path}: nothing to mend.", markup=False)


def _show_choices(number: int, letters: tuple[Letter, ...], lang: str, *, as_json: bool) -> None:
    words = _CHOICES[lang]
    if as_json:
        print_json([{"letter": letter.value, "when": words[letter]} for letter in letters])
        return
    out.print(words["head"])
    for letter in letters:
        out.print(f"  triage draft {number} --kind {letter:<15} {plain(words[letter])}")


def _documents(found: Sequence[Problem]) -> list[dict[str, object]]:
    return [{"kind": problem.kind, "line": problem.line, "text": problem.text} for problem in found]
