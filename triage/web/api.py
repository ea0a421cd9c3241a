"""The JSON API: the same actions as the pages and the commands, for an ERP and for scripts. Described at /api/v1/openapi.json."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

import triage
from triage import actions, regrouping
from triage.advising import advised, repeated
from triage.cases import history, queries
from triage.cases.stores import stores
from triage.config import Settings
from triage.errors import StoreError, UsageError
from triage.health import document, health
from triage.labels import Cause, Platform, SenderVerdict, Stage, Status
from triage.people import access, tokens
from triage.people.tokens import Token
from triage.people.users import Role
from triage.searching import searched
from triage.shown import case_document
from triage.store.connection import opened
from triage.types import Case, CaseEvent

if TYPE_CHECKING:
    from sqlite_utils import Database

#: SQLite's rows have numbers up to this.
_LARGEST = 2**63 - 1
Number = Annotated[
    int, Path(ge=1, le=_LARGEST, description="The case's number. It never changes and is never used again.")
]
_BEARER = HTTPBearer(auto_error=False, description="A token made by: triage token add NAME --scope view|act")
Secret = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
Text = Annotated[str, Field(max_length=20_000, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(max_length=60, pattern=r"^[^\x00-\x1f]*$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seen: int | None = Field(
        default=None, ge=0, le=_LARGEST,
        description="The last event of the case you know. If others changed the case since, the answer is 409 and nothing is done.",
    )  # fmt: skip


class _To(_In):
    to: Name = Field(description="Who has the case from now on; empty for nobody.")


class _StatusIn(_In):
    status: Status = Field(description="open, preparing, submitted, waiting, won or lost.")
    note: Text = ""


class _Remark(_In):
    note: Text = ""


class _Note(_In):
    text: Annotated[Text, Field(min_length=1)]


class _Until(_In):
    until: AwareDatetime | None = Field(description="Until when nobody is reminded; null ends it.")


class _Correction(_In):
    cause: Cause | None = None
    stage: Stage | None = None


class _Other(_In):
    other: int = Field(ge=1, le=_LARGEST, description="The case whose mails come to this one.")


class _Messages(_In):
    messages: list[Annotated[int, Field(ge=1, le=_LARGEST)]] = Field(min_length=1, max_length=1000)


class _Tick(_In):
    item: Annotated[str, Field(max_length=200)] = Field(
        description="The name of a step or piece of evidence in the advice."
    )
    done: bool = True


class Deadline(BaseModel):
    """By when the platform wants an answer."""

    at: datetime
    text: str
    assumed: bool = Field(description="The mail names none; this is the usual one.")


class Reason(BaseModel):
    """What adds to a case's priority."""

    kind: str
    points: int
    about: str


class CaseOut(BaseModel):
    """A case."""

    case: int
    account: str
    platform: Platform
    store: str
    cause: Cause
    also: list[Cause]
    stage: Stage
    status: Status
    severity: int = Field(ge=1, le=5)
    priority: int
    priority_reasons: list[Reason]
    assignee: str
    attempts: int
    final: bool
    marketplaces: list[str]
    merged_into: int | None
    snoozed_until: datetime | None
    confidence: float
    needs_review: bool
    sender: SenderVerdict
    deadline: Deadline | None
    subject: str
    history: bool
    opened_at: datetime
    updated_at: datetime


class Page(BaseModel):
    """Some cases, the newest first."""

    cases: list[CaseOut]
    next: int | None = Field(description="Give it as before= to get the next ones; null where there are none.")


class Event(BaseModel):
    """Something that happened to a case."""

    id: int
    case: int
    at: datetime
    by: str
    kind: str
    detail: dict[str, Any]


class Done(BaseModel):
    """What an action led to."""

    event: Event
    case: CaseOut


class Hit(BaseModel):
    """A mail or note that was found."""

    case_id: int
    kind: str
    at: datetime
    subject: str
    excerpt: str = Field(description="The words around, what was searched for in [brackets].")


class StoreOut(BaseModel):
    """A store, as its cases of a year show it."""

    account: str
    store: str
    platform: Platform
    open: list[int]
    points: dict[str, Any] | None
    outcomes: dict[str, int]
    patterns: list[str]


class Problem(BaseModel):
    """Why something was not done."""

    detail: str


#: What may come beside the answer.
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "It cannot be done, and why."},
    401: {"model": Problem, "description": "No token, or one that is worth nothing."},
    403: {"model": Problem, "description": "The token's scope is not enough."},
    404: {"model": Problem, "description": "There is no such case."},
    503: {"model": Problem, "description": "The database cannot be read just now."},
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    **_PROBLEMS,
    409: {"model": Problem, "description": "Others changed the case meanwhile."},
}


class _Desk:
    """A request's token and its own connection."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.settings, self.clock = settings, clock

    @contextmanager
    def open(
        self, secret: HTTPAuthorizationCredentials | None, needs: Role
    ) -> Iterator[tuple[Database, Token, datetime]]:
        now = self.clock()
        with opened(self.settings.database) as db:
            token = tokens.of(db, secret.credentials, now) if secret else None
            if token is None:
                raise HTTPException(401, "give a token: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})
            if not token.scope.may(needs):
                raise HTTPException(403, f"the token may {token.scope}; this needs {needs}")
            yield db, token, now


def application(settings: Settings, clock: Callable[[], datetime]) -> FastAPI:
    """The API, to be mounted."""
    api = FastAPI(
        title="Triage",
        version=triage.__version__,
        description="Cases of marketplace warnings and suspensions: read them, act on them.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        servers=[{"url": "/api/v1"}],
    )
    desk = _Desk(settings, clock)

    @api.exception_handler(UsageError)
    def cannot(request: Request, error: UsageError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 400)

    @api.exception_handler(StoreError)
    def unavailable(request: Request, error: StoreError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503)

    @api.get("/cases", responses=_PROBLEMS)
    def list_cases(
        secret: Secret,
        ended: bool = False,
        account: Name | None = None,
        platform: Platform | None = None,
        cause: Cause | None = None,
        stage: Stage | None = None,
        store: Name | None = None,
        owner: Name | None = None,
        review: bool = False,
        before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Page:
        """Cases by filter, the newest first, a page at a time."""
        with desk.open(secret, Role.VIEW) as (db, token, now):
            mine = token.accounts if account is None else access.of_these(token.accounts, [account])
            found = queries.listed(
                db, everything=ended, accounts=mine, platform=platform, cause=cause, stage=stage, store=store,
                assignee=owner, review=review, before=before, now=now, limit=limit + 1, by_age=True,
            )  # fmt: skip
            cases = [CaseOut.model_validate(queries.facts(case, now)) for case in found[:limit]]
            return Page(cases=cases, next=cases[-1].case if len(found) > limit else None)

    @api.get("/cases/{case}", responses=_PROBLEMS)
    def show_case(
        case: Number, secret: Secret, language: Annotated[str, Query(pattern="^(en|zh)$")] = "en"
    ) -> dict[str, Any]:
        """Everything about a case: facts, advice, references, messages with their text and evidence, history."""
        with desk.open(secret, Role.VIEW) as (db, token, now):
            known = _known(db, case, token)
            return case_document(db, known, advised(db, known, settings, language, now), now)

    @api.get("/cases/{case}/events", responses=_PROBLEMS)
    def list_events(case: Number, secret: Secret, after: Annotated[int, Query(ge=0, le=_LARGEST)] = 0) -> list[Event]:
        """What happened to a case, the oldest first."""
        with desk.open(secret, Role.VIEW) as (db, token, _):
            _known(db, case, token)
            return [_event(event) for event in history.of_case(db, case) if event.id > after]

    @api.get("/stores", responses=_PROBLEMS)
    def list_stores(secret: Secret, language: Annotated[str, Query(pattern="^(en|zh)$")] = "en") -> list[StoreOut]:
        """Stores with a case in a year, the one with the most urgent case first."""
        with desk.open(secret, Role.VIEW) as (db, token, now):
            return [
                StoreOut(
                    account=store.account,
                    store=store.name,
                    platform=store.platform,
                    open=[case.id for case in store.open],
                    points=asdict(store.points) if store.points else None,
                    outcomes={status.value: count for status, count in store.outcomes().items()},
                    patterns=[pattern.text for pattern in repeated(store, now, language)],
                )
                for store in stores(db, now, accounts=token.accounts)
            ]

    @api.get("/search", responses=_PROBLEMS)
    def search(
        secret: Secret,
        q: Annotated[str, Query(max_length=300)],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> list[Hit]:
        """Mails and notes of cases with all words, the best first."""
        with desk.open(secret, Role.VIEW) as (db, token, _):
            return [Hit.model_validate(asdict(hit)) for hit in searched(db, q, limit, token.accounts)]

    @api.get("/health", responses=_PROBLEMS)
    def show_health(secret: Secret) -> dict[str, Any]:
        """How the service does: mailboxes, targets, model, troubles."""
        with desk.open(secret, Role.VIEW) as (db, token, now):
            known = health(db, settings, now)
            mine = tuple(box for box in known.mailboxes if access.sees(token.accounts, box.account))
            return document(replace(known, mailboxes=mine))

    def act(
        case: int,
        secret: HTTPAuthorizationCredentials | None,
        given: _In,
        do: Callable[..., CaseEvent],
        *,
        other: int | None = None,
    ) -> Done:
        with desk.open(secret, Role.ACT) as (db, token, now):
            for number in (case,) if other is None else (case, other):
                _known(db, number, token)
            changed = [] if given.seen is None else history.of_others(db, case, token.name, after=given.seen)
            if changed:
                raise HTTPException(
                    409, f"changed meanwhile by {changed[-1].by}: {changed[-1].kind}, event {changed[-1].id}"
                )
            event = do(db, by=token.name, now=now)
            return Done(
                event=_event(event),
                case=CaseOut.model_validate(queries.facts(queries.existing(db, event.case_id), now)),
            )

    @api.post("/cases/{case}/acknowledge", responses=_CONFLICT)
    def acknowledge(case: Number, given: _In, secret: Secret) -> Done:
        """Somebody takes care of it: nobody is reminded any more."""
        return act(case, secret, given, lambda db, **who: actions.acknowledge(db, case, **who))

    @api.post("/cases/{case}/assign", responses=_CONFLICT)
    def assign(case: Number, given: _To, secret: Secret) -> Done:
        """Say who has it."""
        return act(case, secret, given, lambda db, **who: actions.assign(db, case, given.to, **who))

    @api.post("/cases/{case}/status", responses=_CONFLICT)
    def status(case: Number, given: _StatusIn, secret: Secret) -> Done:
        """Say how far the work is. submitted counts an attempt; open takes up again what had ended."""
        return act(
            case, secret, given, lambda db, **who: actions.set_status(db, case, given.status, note=given.note, **who)
        )

    @api.post("/cases/{case}/close", responses=_CONFLICT)
    def close(case: Number, given: _Remark, secret: Secret) -> Done:
        """The matter is over."""
        return act(case, secret, given, lambda db, **who: actions.close(db, case, note=given.note, **who))

    @api.post("/cases/{case}/note", responses=_CONFLICT)
    def note(case: Number, given: _Note, secret: Secret) -> Done:
        """Write something down with it."""
        return act(case, secret, given, lambda db, **who: actions.note(db, case, given.text, **who))

    @api.post("/cases/{case}/snooze", responses=_CONFLICT)
    def snooze(case: Number, given: _Until, secret: Secret) -> Done:
        """Put it off."""
        return act(case, secret, given, lambda db, **who: actions.snooze(db, case, given.until, **who))

    @api.post("/cases/{case}/correct", responses=_CONFLICT)
    def correct(case: Number, given: _Correction, secret: Secret) -> Done:
        """Say what it really is; the next training learns it."""
        if given.cause is None and given.stage is None:
            raise UsageError("say what it is: cause, stage, or both")
        return act(
            case,
            secret,
            given,
            lambda db, **who: actions.correct(db, case, cause=given.cause, stage=given.stage, source="api", **who),
        )

    @api.post("/cases/{case}/believe", responses=_CONFLICT)
    def believe(case: Number, given: _In, secret: Secret) -> Done:
        """A mail taken for forged is the platform's after all."""
        return act(case, secret, given, lambda db, **who: actions.believe(db, case, **who))

    @api.post("/cases/{case}/merge", responses=_CONFLICT)
    def merge(case: Number, given: _Other, secret: Secret) -> Done:
        """The mails of another case belong to this one."""
        return act(
            case, secret, given, lambda db, **who: regrouping.merge(db, case, given.other, **who), other=given.other
        )

    @api.post("/cases/{case}/split", responses=_CONFLICT)
    def split(case: Number, given: _Messages, secret: Secret) -> Done:
        """Some of its messages are another matter: a new case, which the answer shows."""
        return act(case, secret, given, lambda db, **who: regrouping.split(db, case, given.messages, **who))

    @api.post("/cases/{case}/tick", responses=_CONFLICT)
    def tick(case: Number, given: _Tick, secret: Secret) -> Done:
        """A step is done, or a piece of evidence there; or not, after all."""

        def ticked(db: Database, *, by: str, now: datetime) -> CaseEvent:
            told = advised(db, queries.existing(db, case), settings, "en", now)
            if given.item not in told.items:
                raise UsageError(f"case {case} has no such item; its steps and evidence are: {', '.join(told.items)}")
            return actions.tick(db, case, given.item, done=given.done, by=by, now=now)

        return act(case, secret, given, ticked)

    @api.post("/cases/{case}/undo", responses=_CONFLICT)
    def undo(case: Number, given: _In, secret: Secret) -> Done:
        """Take back the last thing a person or program did to it."""
        return act(case, secret, given, lambda db, **who: actions.undo(db, case, **who))

    return api


def _known(db: Database, case: int, token: Token) -> Case:
    known = queries.get(db, case)
    if known is None or not access.sees(token.accounts, known.account):
        raise HTTPException(404, f"there is no case {case}")
    return known


def _event(event: CaseEvent) -> Event:
    return Event(id=event.id, case=event.case_id, at=event.at, by=event.by, kind=event.kind, detail=dict(event.detail))
