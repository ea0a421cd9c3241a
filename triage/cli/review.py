"""triage review: what needs a person's look, one mail after another, one key an answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from triage import actions
from triage.cases import messages, queries
from triage.cli.app import ByOption, ConfigOption, LanguageOption, app, database, language, now, only, person
from triage.cli.show import out, plain
from triage.errors import UsageError
from triage.labels import CAUSE_KEYS, CAUSE_NAMES, STAGE_NAMES, Cause
from triage.shown import because, mail_text
from triage.types import Case

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Keeps a key and its cause on one line.
_HARD_BLANK = "\u00a0"
#: Of a mail so many lines are shown; "m" shows the rest.
_LINES = 25
_WORDS = {
    "nothing": {"en": "Nothing needs a review.", "zh": "没有需要人工确认的案件。"},
    "of": {"en": "{at} of {all}", "zh": "第 {at} 件，共 {all} 件"},
    "said": {"en": "Taken for", "zh": "系统判断"},
    "because": {"en": "because", "zh": "依据"},
    "more": {"en": "... {lines} more lines: m", "zh": "……还有 {lines} 行：按 m"},
    "keys": {
        "en": "y right   n no warning   k skip   u undo the last   m whole mail   q quit   or the cause:",
        "zh": "y 正确   n 不是警告   k 跳过   u 撤销上一个   m 全文   q 结束   或选择原因：",
    },
    "done": {"en": "Case {case}: {cause}.", "zh": "案件 {case}：{cause}。"},
    "undone": {"en": "Case {case}: taken back.", "zh": "案件 {case}：已撤销。"},
    "no_undo": {"en": "Nothing to take back.", "zh": "没有可撤销的操作。"},
    "unknown": {"en": "No such key.", "zh": "没有这个按键。"},
    "end": {
        "en": "{answered} answered, {left} left. What was corrected is learned by: triage train",
        "zh": "已确认 {answered} 件，剩余 {left} 件。运行 triage train 即可学习这些纠正。",
    },
}


@app.command(rich_help_panel="Learning")
def review(
    account: Annotated[str | None, typer.Option(help="Only cases of this mailbox.")] = None,
    path: ConfigOption = None,
    by: ByOption = None,
    lang: LanguageOption = None,
) -> None:
    """Go through what needs a person's look: the mail, what it was taken for and why, one key an answer.

    Every answer is a correction that the next [bold]triage train[/bold] learns from; u takes the last one back.
    """
    with database(path) as (db, settings):
        waiting = queries.listed(db, now=now(), accounts=only(account), review=True, limit=10_000)
        tongue = language(lang, settings, account or "")
        if not waiting:
            out.print(_WORDS["nothing"][tongue])
            return
        answered = _Review(db, waiting, tongue, person(by)).run()
        left = len(queries.listed(db, now=now(), accounts=only(account), review=True, limit=10_000))
        out.print(_WORDS["end"][tongue].format(answered=answered, left=left))


class _Review:
    """A walk through some cases."""

    def __init__(self, db: Database, waiting: list[Case], tongue: str, by: str) -> None:
        self._db, self._waiting, self._tongue, self._by = db, waiting, tongue, by
        self._answered: list[int] = []  # places in the list, the last one at the end

    def run(self) -> int:
        """How many were answered."""
        at = 0
        while at < len(self._waiting):
            case = queries.existing(self._db, self._waiting[at].id)
            text = self._show(case, at)
            while (key := _key()) == "m":
                out.print(plain(text), soft_wrap=True)
            if key in {"q", ""}:
                break
            at = self._acted(key, case, at)
        return len(self._answered)

    def _acted(self, key: str, case: Case, at: int) -> int:
        """Do what a key says; the place to go on at."""
        if key == "k":
            return at + 1
        if key == "u":
            return self._taken_back(at)
        cause = {"y": case.cause, "n": Cause.NONE, **CAUSE_KEYS}.get(key)
        if cause is None:
            self._say("unknown")
            return at
        try:
            actions.correct(self._db, case.id, cause=cause, stage=None, by=self._by, now=now(), source="review")
        except UsageError as error:  # somebody else has just answered it
            out.print(plain(str(error)))
            return at + 1
        self._answered.append(at)
        self._say("done", case=case.id, cause=CAUSE_NAMES[self._tongue][cause])
        return at + 1

    def _taken_back(self, at: int) -> int:
        if not self._answered:
            self._say("no_undo")
            return at
        before = self._answered.pop()
        case = self._waiting[before].id
        actions.undo(self._db, case, by=self._by, now=now())
        self._say("undone", case=case)
        return before

    def _show(self, case: Case, at: int) -> str:
        """Show a case; the whole text of its newest mail."""
        mail = messages.of_case(self._db, case.id)[-1:]
        text = mail_text(self._db, mail[0].id) if mail else ""
        lines = text.splitlines()
        out.print()
        out.rule(_WORDS["of"][self._tongue].format(at=at + 1, all=len(self._waiting)))
        out.print(f"[bold]{plain(case.title)}[/bold]")
        if mail:
            out.print(f"[dim]{plain(mail[0].sender)}  {mail[0].received_at:%Y-%m-%d %H:%M} UTC[/dim]")
        out.print(plain("\n".join(lines[:_LINES])), soft_wrap=True)
        if len(lines) > _LINES:
            self._say("more", lines=len(lines) - _LINES)
        names = CAUSE_NAMES[self._tongue]
        stage = STAGE_NAMES[self._tongue][case.stage]
        out.print(
            f"\n{_WORDS['said'][self._tongue]}: [bold]{names[case.cause]}[/bold], {stage} ({case.confidence:.0%})"
        )
        if mail and mail[0].decision and (why := because(mail[0].decision)):
            out.print(f"[dim]{_WORDS['because'][self._tongue]}: {plain(why)}[/dim]", soft_wrap=True)
        self._say("keys")
        choices = (f"{key} {names[cause]}".replace(" ", _HARD_BLANK) for key, cause in CAUSE_KEYS.items())
        out.print("   ".join(choices))
        return text

    def _say(self, what: str, **values: object) -> None:
        out.print(_WORDS[what][self._tongue].format(**values))


def _key() -> str:
    """One key; where nobody sits at a terminal, one character of standard input."""
    if not sys.stdin.isatty():
        while (key := sys.stdin.read(1)) in {"\n", "\r", " "}:
            pass
        return key.lower()
    return typer.getchar().lower()
