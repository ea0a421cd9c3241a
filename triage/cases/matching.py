"""Which case a mail belongs to: one it continues, or a new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from triage.cases import history, messages, search, state
from triage.cases.queries import case_of, get
from triage.labels import ANSWER, ENDED, SEND_DOCUMENTS, Cause, Platform, SenderVerdict, Stage
from triage.store.moments import stored
from triage.types import Batch, Case, CaseEvent, Decision, Mail, RawMessage

if TYPE_CHECKING:
    from sqlite_utils import Database

#: Numbers a platform gives to one matter.
_MATTER = ("case", "complaint", "violation", "ticket", "reference", "court_case")
#: Numbers of the seller's own things: the same thing and the same cause are one matter.
_THING = ("asin", "item", "sku", "fnsku", "order")
_ANSWERS = frozenset({Stage.APPEAL_MORE_INFO, Stage.APPEAL_DENIED, Stage.REINSTATED})
_ACCOUNT_LEVEL = frozenset({Stage.SUSPENDED, Stage.RESTRICTED, Stage.INFORMATION_REQUEST, *_ANSWERS})
#: A second notice of the same cause about the whole account, within this time, is the same matter.
_SAME_EVENT = timedelta(days=30)
#: Notices that differ only in the product they name come in bursts; after a quiet day the next one is a new matter.
_BURST = timedelta(hours=24)
#: Marketplaces of one store announce the same measure within days of each other.
_SISTERS = timedelta(days=7)
#: Of cases that may be meant only so many of the newest are looked at: a mailbox with more has other worries.
_MOST_RECENT = 50


def record(
    db: Database, batch: Batch, message: RawMessage, mail: Mail, decision: Decision, now: datetime
) -> CaseEvent | None:
    """Store one message that is kept, and what follows from it.

    Returns the event of the case it opened or advanced, or None if it was stored before.
    """
    if messages.seen(db, batch, message.uid):
        return None
    twin = messages.twin(db, batch.account, mail.digest)
    if twin is not None:
        messages.insert(
            db, batch, message, digest=mail.digest, outcome="duplicate", mail=mail, decision=decision, case_id=twin[1]
        )
        return None
    known = find(db, batch.account, mail, decision, now)
    said = state.Said(message.received_at, title(mail), decision)
    if known is None:
        columns = {"account": batch.account, "history": batch.history, **state.opened(said)}
        detail = {"cause": decision.cause, "stage": decision.stage, "confidence": decision.confidence}
        event = history.open_case(db, columns, {**_about(mail, message), **detail}, by=history.DAEMON, now=now)
        _link(db, event.case_id, batch.account, decision, now)
    else:
        event = history.change(
            db, known.id, "mail", state.advanced(known, said), by=history.DAEMON, now=now, detail=_about(mail, message)
        )
        _asked_again(db, known.id, decision, now)
    outcome = "warning" if decision.warning else "review"
    row = messages.insert(
        db, batch, message, digest=mail.digest, outcome=outcome, mail=mail, decision=decision, case_id=event.case_id
    )
    remember(db, event.case_id, decision)
    search.add(db, "mail", row, f"{mail.subject}\n{mail.sender.email}\n{mail.whole}")
    return event


def find(db: Database, account: str, mail: Mail, decision: Decision, now: datetime) -> Case | None:
    """The case a mail continues: by reply headers, by the platform's numbers, by the same thing, by the same event, or
    as one of a burst of like notices.

    A forged mail continues nothing: it must not move a real case.
    """
    if decision.sender is SenderVerdict.FORGED:
        return None
    case = _by_thread(db, account, mail) or _by_numbers(db, account, decision, _MATTER, None)
    if case:
        return get(db, case)
    return (
        _by_thing(db, account, decision)
        or _by_event(db, account, decision, now)
        or _by_burst(db, account, mail, decision, now)
    )


def title(mail: Mail) -> str:
    """What a case is called that this mail opens."""
    return mail.subject or mail.text[:80].replace("\n", " ")


def remember(db: Database, case: int, decision: Decision) -> None:
    """Keep the identifiers by which later mails find the case."""
    if decision.sender is SenderVerdict.FORGED:
        return
    db.conn.executemany(
        "INSERT OR IGNORE INTO case_refs (case_id, kind, value) VALUES (?, ?, ?)",
        [(case, each.kind, each.value) for each in decision.ids],
    )


def _by_thread(db: Database, account: str, mail: Mail) -> int | None:
    for message_id in mail.thread:
        row = db.execute(
            """SELECT case_id FROM messages JOIN cases ON cases.id = case_id
               WHERE messages.account = ? AND message_id = ? AND cases.sender <> ? ORDER BY messages.id DESC LIMIT 1""",
            (account, message_id, SenderVerdict.FORGED.value),
        ).fetchone()
        if row:
            return int(row[0])
    return None


def _by_numbers(
    db: Database, account: str, decision: Decision, kinds: Sequence[str], cause: Cause | None
) -> int | None:
    for each in decision.ids:
        if each.kind not in kinds:
            continue
        row = db.execute(
            """SELECT cases.id FROM case_refs JOIN cases ON cases.id = case_refs.case_id
               WHERE case_refs.kind = ? AND case_refs.value = ? AND cases.account = ? AND cases.platform = ?
               AND cases.sender <> ? AND (? IS NULL OR cases.cause = ?) ORDER BY cases.id DESC LIMIT 1""",
            (
                each.kind,
                each.value,
                account,
                decision.platform.value,
                SenderVerdict.FORGED.value,
                cause,
                cause.value if cause else None,
            ),
        ).fetchone()
        if row:
            return int(row[0])
    return None


def _by_thing(db: Database, account: str, decision: Decision) -> Case | None:
    """A case about the same product or order and cause, unless it is another marketplace's."""
    number = _by_numbers(db, account, decision, _THING, decision.cause)
    case = get(db, number) if number else None
    return case if case and not _elsewhere(case, decision) else None


def _by_event(db: Database, account: str, decision: Decision, now: datetime) -> Case | None:
    """An open account-level case of the same cause, store and marketplace; for an answer to an appeal, the one open case
    there is."""
    if decision.stage not in _ACCOUNT_LEVEL or decision.platform in {Platform.NONE, Platform.OTHER}:
        return None
    since = now - _SAME_EVENT
    for case in _recent(db, account, decision, since, cause=decision.cause):
        if case.stage in _ACCOUNT_LEVEL and not _elsewhere(case, decision):
            return case
    if decision.stage in _ANSWERS and decision.cause is Cause.OTHER:
        level = [
            case
            for case in _recent(db, account, decision, since)
            if case.stage in _ACCOUNT_LEVEL and not _elsewhere(case, decision)
        ]
        return level[0] if len(level) == 1 else None
    return None


def _by_burst(db: Database, account: str, mail: Mail, decision: Decision, now: datetime) -> Case | None:
    """An open case that a notice like this one, about another product, opened or advanced a short time ago."""
    if not any(each.kind in _THING for each in decision.ids) or decision.stage in _ACCOUNT_LEVEL:
        return None
    like = state.likeness(title(mail))
    alike = _recent(db, account, decision, now - _BURST, cause=decision.cause, stage=decision.stage, likeness=like)
    return next((case for case in alike if not _elsewhere(case, decision) and _same_owner(db, case, decision)), None)


def _link(db: Database, case: int, account: str, decision: Decision, now: datetime) -> None:
    """Tie a new case to those in which other marketplaces of the store announce the same."""
    if decision.sender is SenderVerdict.FORGED or not decision.warning or not decision.facts.marketplaces:
        return
    for other in _recent(db, account, decision, now - _SISTERS, cause=decision.cause, stage=decision.stage):
        if other.id != case and _elsewhere(other, decision):
            pairs = [(case, other.id), (other.id, case)]
            db.conn.executemany("INSERT OR IGNORE INTO case_links (case_id, other_id) VALUES (?, ?)", pairs)
            for one, another in pairs:
                history.append(db, one, "linked", {"case": another}, by=history.DAEMON, now=now)


def _asked_again(db: Database, case: int, decision: Decision, now: datetime) -> None:
    """What was sent for an earlier mail is not sent for this one, if it asks for something itself."""
    asks = {SEND_DOCUMENTS: decision.facts.documents, ANSWER: decision.facts.answer_to}
    asked = [item for item, what in asks.items() if what]
    ticked = history.ticked(db, case) if asked else {}
    for item in asked:
        if item in ticked:
            history.append(db, case, "unticked", {"item": item}, by=history.DAEMON, now=now)


def _recent(db: Database, account: str, decision: Decision, since: datetime, **equal: str) -> list[Case]:
    """Cases of the account, platform and store that have not ended and were touched since then, the newest first.

    equal: columns of the table and what they must be; their names are ours.
    """
    rows = db.query(
        f"""SELECT * FROM cases WHERE account = ? AND platform = ? {"".join(f"AND {name} = ? " for name in equal)}
            AND sender <> ? AND status NOT IN ({", ".join("?" * len(ENDED))}) AND updated_at >= ?
            AND (? = '' OR store = '' OR store = ?) ORDER BY id DESC LIMIT {_MOST_RECENT}""",  # noqa: S608 - no stranger's word
        [
            account,
            decision.platform.value,
            *(str(value) for value in equal.values()),
            SenderVerdict.FORGED.value,
            *(status.value for status in sorted(ENDED)),
            stored(since),
            decision.store,
            decision.store,
        ],
    )
    return [case_of(row) for row in rows]


def _elsewhere(case: Case, decision: Decision) -> bool:
    """Whether a mail speaks of other marketplaces than the case. Where one of them names none, nobody knows."""
    here, there = set(case.marketplaces), set(decision.facts.marketplaces)
    return bool(here and there) and here.isdisjoint(there)


def _same_owner(db: Database, case: Case, decision: Decision) -> bool:
    """Whether no two different rights owners complain: each of them is a matter of its own."""
    owner = decision.facts.rights_owner
    if owner is None:
        return True
    known = _owners(message.decision for message in messages.of_case(db, case.id) if message.decision)
    return not known or (owner.email or owner.name).casefold() in known


def _owners(decisions: Iterable[Decision]) -> set[str]:
    owners = (decision.facts.rights_owner for decision in decisions)
    return {(owner.email or owner.name).casefold() for owner in owners if owner}


def _about(mail: Mail, message: RawMessage) -> dict[str, Any]:
    about: dict[str, Any] = {
        "subject": mail.subject,
        "from": mail.sender.email,
        "received_at": stored(message.received_at),
    }
    if mail.forwarded:
        about["forwarded_by"] = mail.forwarded.by.email or mail.forwarded.by.name
        about["forwarded_how"] = mail.forwarded.how
    return about
