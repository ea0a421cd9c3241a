"""What a new model would say of mails that are stored: first shown, then, if wanted, done. What people corrected stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib import delayed

from triage import regrouping
from triage.cases.decisions import packed, unpacked
from triage.cases.messages import packed_originals, unpacked_original
from triage.config import Settings
from triage.judges import loaded
from triage.judging import judge, judge_briefly
from triage.labels import ENDED
from triage.learn.backends import LOCAL, Backend
from triage.mail.reading import Recipient
from triage.pipeline import recipient
from triage.store.connection import store_errors
from triage.store.moments import moment, stored
from triage.store.transaction import transaction
from triage.types import Decision, RawMessage
from triage.understand.classifier import Model

if TYPE_CHECKING:
    from sqlite_utils import Database

#: So many mails are one task: enough to be worth the way to another process.
_TASK = 200
#: Fewer mails than this are judged before other processes would have started.
_WORTH_WORKERS = 5_000
#: So many tasks are read ahead of what is being judged: memory stays bounded however many mails there are.
_AHEAD = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A stored message about which the model now says something else."""

    message: int
    case: int | None
    subject: str
    before: Decision
    after: Decision
    corrected: bool  # somebody said what its case is: that stays

    @property
    def lost(self) -> bool:
        """Whether it was to become no warning. A person decides that, not a model: its case is shown for review."""
        return self.before.kept and not self.after.warning


@dataclass(frozen=True, slots=True)
class Redecided:
    """All of it."""

    mails: int  # judged
    changes: tuple[Changed, ...]


def redecide(
    db: Database,
    model: Model,
    settings: Settings,
    *,
    since: datetime | None = None,
    account: str | None = None,
    backend: Backend = LOCAL,
    progress: Callable[[float, str], None] = lambda share, what: None,
) -> Redecided:
    """Judge every stored mail whose original was kept once more; nothing is changed.

    Mails of accounts that are no longer configured are left out: nobody knows who receives them.
    """
    rows = _rows(db, since, account, {each.name for each in settings.accounts})
    known = {name: recipient(db, name, settings, None) for name in {row["account"] for row in rows}}
    corrected = {row[0] for row in db.execute("SELECT message_id FROM corrections WHERE undone_at IS NULL").fetchall()}
    changes: list[Changed] = []
    done = 0
    chunks = iter(_tasks(rows))
    here = backend.jobs == 1 or (backend.jobs is not None and len(rows) < _WORTH_WORKERS)
    if here:
        backend, decide = Backend(1), delayed(partial(_decided, model=model))
    else:
        decide = delayed(partial(_decided_apart, models=settings.models_dir, version=model.version))
    while some := list(islice(chunks, _AHEAD)):
        tasks = [decide(_stored(db, chunk), known[chunk[0]["account"]]) for chunk in some]
        for chunk, said in zip(some, backend.each(tasks), strict=True):
            changes += [
                _changed(db, chunk[number], decision, chunk[number]["id"] in corrected) for number, decision in said
            ]
            done += len(chunk)
            progress(done / len(rows), "judging")
    return Redecided(done, tuple(changes))


def apply(db: Database, found: Redecided, settings: Settings, now: datetime, *, by: str) -> int:
    """Store the new decisions and make the open cases anew that they change; how many cases changed.

    Each case is one transaction with one event. Ended cases keep what they were; so does every correction.
    """
    cases = sorted({each.case for each in found.changes if each.case is not None})
    changed = 0
    for case in cases:
        with store_errors(settings.database), transaction(db):
            row = db.execute("SELECT status FROM cases WHERE id = ?", [case]).fetchone()
            if row is None or row[0] in {status.value for status in ENDED}:
                continue
            mine = [each for each in found.changes if each.case == case]
            for each in mine:
                if not each.lost:
                    _keep(db, each.message, each.after)
            more: dict[str, Any] = {"needs_review": 1} if any(e.lost and not e.corrected for e in mine) else {}
            detail = {"model": mine[0].after.model, "messages": [each.message for each in mine]}
            regrouping.made_anew(db, case, "redecided", detail, by=by, now=now, more=more)
            changed += 1
    return changed


def _keep(db: Database, message: int, decision: Decision) -> None:
    db.execute(
        "UPDATE messages SET decision = ?, model = ?, outcome = ? WHERE id = ?",
        [packed(decision), decision.model, "warning" if decision.warning else "review", message],
    )


def _rows(db: Database, since: datetime | None, account: str | None, known: set[str]) -> list[dict[str, Any]]:
    wheres, values = ["original IS NOT NULL", "decision IS NOT NULL"], []
    if since is not None:
        wheres.append("received_at >= ?")
        values.append(stored(since))
    if account is not None:
        wheres.append("account = ?")
        values.append(account)
    said = ", ".join(f"json_extract(decision, '$.{name}') AS {name}" for name in ("warning", "cause", "stage"))
    columns = f"id, account, case_id, uid, subject, received_at, {said}"
    found = db.query(
        f"SELECT {columns} FROM messages WHERE {' AND '.join(wheres)} ORDER BY account, id",  # noqa: S608 - our own words
        values,
    )
    return [row for row in found if row["account"] in known]


def _tasks(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """The rows in tasks, each of one account."""
    start = 0
    for at in range(1, len(rows) + 1):
        if at == len(rows) or at - start == _TASK or rows[at]["account"] != rows[start]["account"]:
            yield rows[start:at]
            start = at


#: A stored mail on its way to who judges it: UID, stored original, when it was received, and what was said of it: whether it
#: is a warning, of what cause, at what stage.
_Stored = tuple[int, bytes, str, tuple[bool, str, str]]


def _stored(db: Database, rows: Sequence[dict[str, Any]]) -> list[_Stored]:
    kept = packed_originals(db, [row["id"] for row in rows])
    return [
        (row["uid"], kept[row["id"]], row["received_at"], (bool(row["warning"]), row["cause"], row["stage"]))
        for row in rows
    ]


def _decided_apart(stored: Sequence[_Stored], known: Recipient, models: Path, version: str) -> list[tuple[int, Decision]]:
    """In a process that has no model in hand yet."""
    return _decided(stored, known, loaded(models, version))


def _decided(stored: Sequence[_Stored], known: Recipient, model: Model) -> list[tuple[int, Decision]]:
    """The mails, by their number, of which the model says something else, and what. Most stay as they are: only the others
    are worth all that is looked for in a mail."""
    mails = []
    for uid, original, received_at, _ in stored:
        raw = unpacked_original(original)
        mails.append(RawMessage(uid=uid, raw=raw, received_at=moment(received_at), size_bytes=len(raw)))
    others = [
        number
        for number, (verdict, (*_, before)) in enumerate(zip(judge_briefly(mails, known, model), stored, strict=True))
        if verdict and (verdict.warning, verdict.cause, verdict.stage) != before
    ]
    judged = judge([mails[number] for number in others], known, model)
    return [(number, each.decision) for number, each in zip(others, judged, strict=True) if each.decision]


def _changed(db: Database, row: dict[str, Any], decision: Decision, corrected: bool) -> Changed:
    before = unpacked(db.execute("SELECT decision FROM messages WHERE id = ?", [row["id"]]).fetchone()[0])
    return Changed(
        message=row["id"],
        case=row["case_id"],
        subject=row["subject"],
        before=before,
        after=replace(decision, store=decision.store or before.store),
        corrected=corrected,
    )


def as_document(change: Changed) -> dict[str, Any]:
    """For programs."""
    return {
        "message": change.message,
        "case": change.case,
        "subject": change.subject,
        "before": {"cause": change.before.cause, "stage": change.before.stage},
        "after": {"cause": change.after.cause, "stage": change.after.stage},
        "corrected": change.corrected,
    }
