"""What travels between the stages. All of it is frozen: a stage answers with a new value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from triage.labels import Appealability, Cause, Platform, SenderVerdict, Stage, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMessage:
    """One message as the server gave it."""

    uid: int
    raw: bytes
    received_at: datetime  # INTERNALDATE, UTC
    size_bytes: int  # as the server says; larger than len(raw) when only the beginning was fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some messages of one folder in UID order, and how far the cursor may move once they are stored."""

    account: str
    folder: str
    uidvalidity: int
    messages: tuple[RawMessage, ...]
    last_uid: int  # the highest UID asked for: expunged ones count as seen
    history: bool  # older than the daemon's first look at the folder: no alert of its own


@dataclass(frozen=True, slots=True)
class Address:
    """A display name and an addr-spec; both may be empty, neither is to be believed."""

    name: str = ""
    email: str = ""

    @property
    def domain(self) -> str:
        """The part behind the last @, lower-case; empty if there is none."""
        return self.email.rpartition("@")[2].lower() if "@" in self.email else ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent a mail, as far as its headers show."""

    verdict: SenderVerdict = SenderVerdict.UNPROVEN
    platform: Platform = Platform.NONE  # whose domain it is; NONE if no platform's
    relay: bool = False  # the platform's relay: a buyer's words, not the platform's
    findings: tuple[str, ...] = ()  # plain sentences, what was found and where


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A message as a person would read it."""

    digest: str  # SHA-256 of the raw bytes, hex
    subject: str = ""
    text: str = ""  # the best text: line breaks kept, hidden parts dropped
    sender: Address = Address()
    reply_to: Address = Address()
    sent_at: datetime | None = None  # the Date header in UTC
    message_id: str = ""
    thread: tuple[str, ...] = ()  # Message-IDs of In-Reply-To and References
    authentication: tuple[str, ...] = ()  # Authentication-Results values, topmost first (RFC 8601)
    links: tuple[tuple[str, str], ...] = ()  # (visible text, target) of an HTML mail
    forwarded_by: Address | None = None  # who passed it on; sender is then the original one
    origin: Origin = Origin()
    bulk: bool = False  # List-Unsubscribe or Precedence: bulk
    size_bytes: int = 0
    notes: tuple[str, ...] = ()  # what was wrong with the bytes and how it was read all the same


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message nothing could be made of; it is kept whole in the quarantine."""

    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Identifier:
    """Something that ties mails of one matter together."""

    kind: str  # asin, order, case, complaint, item, reference
    value: str


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when an answer is due."""

    at: datetime  # UTC
    text: str  # the words it was read from


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for a decision."""

    source: str  # sentence, word, phrase, sender, structure, rule
    text: str
    weight: float  # log-odds for the cause; 1.0 for a rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one mail was understood to be. Made by understand/, read by everything after it."""

    warning: bool
    cause: Cause
    also: tuple[Cause, ...] = ()
    stage: Stage = Stage.NONE
    platform: Platform = Platform.NONE
    language: str = "und"  # ISO 639-1
    confidence: float = 0.0  # calibrated probability of cause, 0 to 1
    needs_review: bool = False
    review_reason: str = ""
    sender: SenderVerdict = SenderVerdict.UNPROVEN
    sender_findings: tuple[str, ...] = ()
    store: str = ""
    ids: tuple[Identifier, ...] = ()
    deadline: Deadline | None = None
    evidence: tuple[Evidence, ...] = ()  # strongest first
    model: str = ""  # version that decided

    @property
    def kept(self) -> bool:
        """Whether a case is made of it: a warning, or something a person must look at."""
        return self.warning or self.needs_review


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One matter between a store and a platform, as stored."""

    id: int
    account: str
    platform: Platform
    store: str
    cause: Cause
    also: tuple[Cause, ...]
    stage: Stage
    status: Status
    severity: int  # 1 to 5, see labels.SEVERITY
    confidence: float
    needs_review: bool
    sender: SenderVerdict
    deadline: Deadline | None
    title: str  # the first mail's subject
    history: bool
    opened_at: datetime
    updated_at: datetime
    language: str = "und"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """Something that happened to a case."""

    id: int
    case_id: int
    at: datetime
    by: str  # "triage" or a person
    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What a case means and what to do, in one language."""

    language: str
    meaning: str
    trade_grade: str  # the trade's words: can be appealed, hard, cannot be appealed
    practice: Appealability
    practice_text: str
    why: str
    steps: tuple[str, ...]  # in order
    evidence: tuple[str, ...]  # what to gather
    mistakes: tuple[str, ...]
    usual_limit: str  # how long platforms usually give; "" if not known
