"""triage demo: a seller's day of mail, read by the very same daemon."""

from __future__ import annotations

import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer
from rich.rule import Rule

from triage import config
from triage.advising import advised
from triage.alerts import outbox
from triage.cases import queries
from triage.cli.app import app, now
from triage.cli.show import cases_table, out, progress
from triage.config import Settings
from triage.errors import OutputError, TriageError, UsageError
from triage.labels import CAUSE_NAMES, STAGE_NAMES, Stage
from triage.mail import cursor

if TYPE_CHECKING:
    from sqlite_utils import Database

_CONFIG = """# Made by: triage demo. The mailbox lives only while the demo runs; the cases stay.
language = "{language}"
time_zone = "Asia/Shanghai"
data = "{data}"

[[accounts]]
name = "brightfield"
host = "127.0.0.1"
port = {port}
security = "none"
user = "{user}"
password = "file:{secret}"

[[targets]]
name = "screen"
type = "console"

[[targets]]
name = "file"
type = "jsonl"
path = "{data}/alerts.jsonl"

[polling]
every = "2 seconds"

[logging]
level = "error"
"""
_LIMIT = 60.0
#: Who signs in to the demo's board.
_USER = "demo"


_WORDS = {
    "en": {
        "begin": "A seller's inbox with {mails} mails of the last three days, on 127.0.0.1:{port}. Triage reads it:\n",
        # What the marks in the list of cases mean.
        "legend": "? a person should check it   ! the mail is forged   ~ the usual limit: the mail names none",
        "worst": "{case}: {practice}.",
        "more": "{mails} more mails arrive while it watches",
        "summary": "summary",
        "figures": "{mails} mails read, {kept} of them warnings, in {cases} cases; {soon} due within three days, {forged} forged.",
        "only_read": "The mailbox was only read: nothing in it was marked, moved or deleted.",
        "try": "Try next:",
        "own": "your own mailbox",
        "board": "The same as a board for a team: {where}\n  name {name}, password {password}",
        "stay": "Running until Ctrl-C; deliver mail to it with any mail program: 127.0.0.1:{port}, user {user}, password {password}",
    },
    "zh": {
        "begin": "127.0.0.1:{port} 上有一个卖家邮箱，含最近三天的 {mails} 封邮件。Triage 正在读取：\n",
        "legend": "? 需人工确认   ! 邮件系伪造   ~ 邮件未写明期限，为通常期限",
        "worst": "{case}：{practice}。",
        "more": "监控期间又到 {mails} 封新邮件",
        "summary": "小结",
        "figures": "共读取 {mails} 封邮件，其中 {kept} 封为警告，归为 {cases} 个案件；{soon} 个三天内到期，{forged} 个系伪造。",
        "only_read": "邮箱仅被读取：未标记、未移动、未删除任何邮件。",
        "try": "接下来可以试试：",
        "own": "您自己的邮箱",
        "board": "同样的案件，团队看板：{where}\n  用户名 {name}，密码 {password}",
        "stay": "按 Ctrl-C 结束；可用任意邮件程序向其投递：127.0.0.1:{port}，用户 {user}，密码 {password}",
    },
}


@app.command()
def demo(
    stay: Annotated[
        bool | None,
        typer.Option(
            "--stay/--no-stay",
            help="Keep running, with the case board, until Ctrl-C. Default: where somebody sits at a terminal.",
        ),
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the advice: zh or en.")] = "en",
) -> None:
    """Show it at work: a mailbox in memory, a seller's day of mail, and the real daemon reading it.

    Needs no account and no network. The cases stay in a folder of the demo's own, to try the other commands on.
    """
    if lang not in {"zh", "en"}:
        raise UsageError(f'--lang: "{lang}" is not known; use zh or en')
    from triage import log
    from triage.demo import mailbox
    from triage.learn import in_use

    place = Path(platformdirs.user_data_dir("triage")) / "demo"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, mode=0o700)
    log.configure(level="error")
    with progress("training a model (first use)") as step:
        in_use.ready(Settings().models_dir, now(), step)
    with mailbox.server() as port:
        first = mailbox.day(now())
        mailbox.deliver(port, first)
        settings = _configured(place, port, lang)
        out.print(_WORDS[lang]["begin"].format(mails=len(first), port=port))
        _watch(settings, place, port, stay=sys.stdout.isatty() if stay is None else stay, lang=lang)


def _configured(place: Path, port: int, lang: str) -> Settings:
    from triage.demo import mailbox

    secret = place / "password"
    secret.write_text(mailbox.PASSWORD)
    secret.chmod(0o600)
    path = place / "config.toml"
    path.write_text(_CONFIG.format(language=lang, data=place, port=port, user=mailbox.USER, secret=secret))
    return config.load(path)


def _watch(settings: Settings, place: Path, port: int, *, stay: bool, lang: str) -> None:
    from triage.daemon import Daemon
    from triage.demo import mailbox
    from triage.store.connection import opened

    daemon = Daemon(settings)
    daemon.start()
    try:
        with opened(settings.database) as db:
            _until(
                lambda: all(c.last_success_at for c in cursor.every(db)) and bool(cursor.every(db)), "the first look"
            )
            _until(lambda: outbox.waiting(db) == 0, "the summary alert")
            _show_cases(db, settings, lang)
            _show_worst(db, settings, lang)
            arriving = mailbox.later(now())
            out.print(Rule(_WORDS[lang]["more"].format(mails=len(arriving)), style="dim"))
            for raw in arriving:
                before = _messages(db)
                mailbox.deliver(port, [(now(), raw)])
                _until(lambda seen=before: _messages(db) > seen and outbox.waiting(db) == 0, "a new mail")  # type: ignore[misc]
            _summary(db, place, lang)
            password = _a_user(db)
        where = _served(settings) if stay else "triage web"
        out.print(_WORDS[lang]["board"].format(where=where, name=_USER, password=password), markup=False)
        if stay:
            out.print(_WORDS[lang]["stay"].format(port=port, user=mailbox.USER, password=mailbox.PASSWORD))
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        daemon.stop()


def _a_user(db: Database) -> str:
    """Makes the demo's user of the board; the password."""
    from triage.people import users

    password = secrets.token_urlsafe(9)
    users.add(db, _USER, password, users.Role.ADMIN, now=now())
    return password


def _served(settings: Settings) -> str:
    """Serves the board, on its usual port if that is free; the address."""
    from triage.web.server import serve

    for port in (8470, 0):
        web = settings.web.model_copy(update={"listen": f"127.0.0.1:{port}", "board": True})
        try:
            return f"http://127.0.0.1:{serve(settings.model_copy(update={'web': web}), now, lambda: True).address[1]}/"
        except OutputError:
            continue
    raise OutputError("the board found no free port")


def _show_cases(db: Database, settings: Settings, lang: str) -> None:
    found = queries.listed(db, everything=True, now=now())
    out.print()
    out.print(cases_table(found, lang, {case.account: settings.zone_for(case.account) for case in found}, now()))
    out.print(f"[dim]{_WORDS[lang]['legend']}[/dim]\n")


def _show_worst(db: Database, settings: Settings, lang: str) -> None:
    worst = next(
        (
            c
            for c in queries.listed(db, now=now())
            if c.stage in {Stage.SUSPENDED, Stage.APPEAL_MORE_INFO} and c.sender != "forged"
        ),
        None,
    )
    if worst is None:
        return
    told = advised(db, worst, settings, lang, now())
    name = f"[bold]#{worst.id} {STAGE_NAMES[lang][worst.stage]} - {CAUSE_NAMES[lang][worst.cause]}[/bold]"
    out.print(_WORDS[lang]["worst"].format(case=name, practice=told.practice_text))
    for number, step in enumerate(told.steps[:5], 1):
        out.print(f"  {number}. {step.text}", markup=False)
    out.print()


def _summary(db: Database, place: Path, lang: str) -> None:
    kept, total = (int(db.execute(sql).fetchone()[0]) for sql in
                   ("SELECT count(*) FROM messages WHERE case_id IS NOT NULL", "SELECT count(*) FROM messages"))  # fmt: skip
    cases = queries.listed(db, everything=True, now=now())
    soon = [
        case for case in queries.listed(db, now=now()) if case.deadline and case.deadline.at - now() < timedelta(days=3)
    ]
    forged = sum(case.sender == "forged" for case in cases)
    say = _WORDS[lang]
    out.print(Rule(say["summary"], style="dim"))
    out.print(say["figures"].format(mails=total, kept=kept, cases=len(cases), soon=len(soon), forged=forged))
    out.print(f"{say['only_read']}\n\n{say['try']}")
    out.print(f"  export TRIAGE_CONFIG={place / 'config.toml'}", soft_wrap=True, markup=False)
    for command in ("triage cases", "triage case 1", "triage case 1 --lang zh", "triage draft 13", "triage stores", "triage report", "triage alerts --state all",
                    "triage ack 1", "triage reclassify 1 --cause kyc", "triage undo 1", f"triage init      # {say['own']}"):  # fmt: skip
        out.print(f"  {command}", markup=False)


def _messages(db: Database) -> int:
    return int(db.execute("SELECT count(*) FROM messages").fetchone()[0])


def _until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _LIMIT
    while not true():
        if time.monotonic() > end:
            raise TriageError(f"the demo waited {_LIMIT:.0f} s for {what} in vain; please report this")
        time.sleep(0.1)
