"""What travels between the stages. All of it is frozen: a stage answers with a new value.

Without slots: Mails and Decisions also travel between processes, and a slotted frozen class is pickled field by field in
Python, at three times the cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from triage.labels import Appealability, Cause, Platform, SenderVerdict, Stage, Status


@dataclass(frozen=True, kw_only=True)
class RawMessage:
    """One message as the server gave it."""

    uid: int
    raw: bytes
    received_at: datetime  # INTERNALDATE, UTC
    size_bytes: int  # as the server says; larger than len(raw) when only the beginning was fetched
    fault: str = ""  # why the server does not give it; then raw is empty


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some messages of one folder in UID order, and how far the cursor may move once they are stored."""

    account: str
    folder: str
    uidvalidity: int
    messages: tuple[RawMessage, ...]
    last_uid: int  # the highest UID asked for: expunged ones count as seen
    history: bool  # older than the daemon's first look at the folder: no alert of its own
    said: Cause | None = None  # what its owner says all of them are, by the folder they were moved to


@dataclass(frozen=True)
class Address:
    """A display name and an addr-spec; both may be empty, neither is to be believed."""

    name: str = ""
    email: str = ""

    @property
    def domain(self) -> str:
        """The part behind the last @, lower-case; empty if there is none."""
        return self.email.rpartition("@")[2].lower() if "@" in self.email else ""


@dataclass(frozen=True)
class Finding:
    """One thing that speaks for or against a sender; its words stand in triage.findings."""

    kind: str  # a key of findings.toml
    about: str = ""  # what it was found in: a domain, a link, a file name; a stranger's words
    weight: float = 0.0  # above 0 against the sender, 1 decides alone; below 0 for it, -1 proves it


@dataclass(frozen=True)
class Origin:
    """Who sent a mail, as far as its headers show."""

    verdict: SenderVerdict = SenderVerdict.UNPROVEN
    platform: Platform = Platform.NONE  # whose domain it is; NONE if no platform's
    relay: bool = False  # the platform's relay: a buyer's words, not the platform's
    findings: tuple[Finding, ...] = ()  # the heaviest first


@dataclass(frozen=True)
class Forwarded:
    """How a mail came to its reader when not from its sender directly."""

    by: Address  # who passed it on
    how: str  # inline, attached, automatic, resent
    at: datetime | None = None  # when it was passed on, UTC
    note: str = ""  # the forwarder's own words


@dataclass(frozen=True)
class Attachment:
    """A part that is no text."""

    name: str
    kind: str  # the media type, lower-case


@dataclass(frozen=True)
class Stamp:
    """An Authentication-Results header (RFC 8601) and where it stands."""

    value: str
    hops: int  # Received headers above it: 0 if the last server wrote it on top of its own


@dataclass(frozen=True)
class Seal:
    """One set of an Authenticated Received Chain (RFC 8617)."""

    instance: int
    sealer: str  # the domain that vouches (d= of the ARC-Seal)
    results: str  # its ARC-Authentication-Results


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A message as a person would read it."""

    digest: str  # SHA-256 of the raw bytes, hex
    subject: str = ""
    text: str = ""  # what is new in it: line breaks kept; hidden parts, quoted history and footers left out
    history: str = ""  # what it quotes of earlier mails
    footer: str = ""  # its signature and legal lines
    sender: Address = Address()
    reply_to: Address = Address()
    sent_at: datetime | None = None  # the Date header in UTC; of a forward, the original's
    message_id: str = ""
    thread: tuple[str, ...] = ()  # Message-IDs of In-Reply-To and References
    authentication: tuple[Stamp, ...] = ()  # topmost first
    received_by: tuple[str, ...] = ()  # hosts that the Received headers name as receivers, topmost first
    seals: tuple[Seal, ...] = ()  # the newest first
    links: tuple[tuple[str, str], ...] = ()  # (visible text, target) of an HTML mail
    attachments: tuple[Attachment, ...] = ()
    traits: frozenset[str] = frozenset()  # hidden_text, form, script, image_only, pdf_only, two_senders, automatic ...
    forwarded: Forwarded | None = None  # who passed it on; sender, date, subject and text are then the original's
    origin: Origin = Origin()
    bulk: bool = False  # List-Unsubscribe or Precedence: bulk
    size_bytes: int = 0
    notes: tuple[str, ...] = ()  # what was wrong with the bytes and how it was read all the same

    @property
    def whole(self) -> str:
        """All of the text: what is new, the history, the footer."""
        return "\n\n".join(filter(None, (self.text, self.history, self.footer)))


@dataclass(frozen=True)
class Unreadable:
    """A message nothing could be made of; it is kept whole in the quarantine."""

    digest: str
    reason: str


@dataclass(frozen=True)
class Identifier:
    """Something that ties mails of one matter together."""

    kind: str  # asin, order, case, complaint, item, sku, trademark ... as in understand/cues.toml and identifiers.py
    value: str
    place: str = field(default="", compare=False)  # the words it was read from


@dataclass(frozen=True)
class Metric:
    """A figure by which a platform measures a seller."""

    name: str  # order_defect_rate, late_shipment_rate ... as in understand/cues.toml
    value: float  # as written: 1.32 for 1.32 %
    target: float | None  # what is required, None if the mail does not say
    unit: str  # "%", or "" for a rating
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class Money:
    """An amount a mail speaks of."""

    amount: str  # a plain decimal, not rounded
    currency: str  # ISO 4217
    about: str  # held, owed, fine, refund, payout, or "" if nothing says
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class Points:
    """Penalty points."""

    value: int
    of: int | None  # how many close the shop, where the mail says so
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class AnswerTo:
    """Where an answer is to be sent."""

    kind: str  # page, address, form, reply, menu
    value: str  # an address or URL; for reply and menu the words


@dataclass(frozen=True)
class RightsOwner:
    """Who complained."""

    name: str
    email: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a mail names. Everything as the mail has it; nothing is looked up."""

    marketplaces: tuple[str, ...] = ()  # ISO 3166 country codes, EU for Amazon's European stores
    ids: tuple[Identifier, ...] = ()
    rights_owner: RightsOwner | None = None
    metrics: tuple[Metric, ...] = ()
    money: tuple[Money, ...] = ()
    points: tuple[Points, ...] = ()
    policies: tuple[str, ...] = ()
    answer_to: tuple[AnswerTo, ...] = ()
    documents: tuple[str, ...] = ()  # invoice, test_report ... as in understand/cues.toml
    final: str = ""  # the words by which the platform says that nothing more will be heard


@dataclass(frozen=True)
class Deadline:
    """By when an answer is due."""

    at: datetime  # UTC
    text: str  # the words it was read from; for an assumed one, the rule
    assumed: bool = False  # the mail sets none: the usual one of this cause and platform


@dataclass(frozen=True)
class Evidence:
    """One reason for a decision."""

    source: str  # sentence, word, phrase, sender, structure, rule
    text: str
    weight: float  # log-odds for the cause; 1.0 for a rule


@dataclass(frozen=True, kw_only=True)
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
    sender_findings: tuple[Finding, ...] = ()
    forwarded: Forwarded | None = None
    store: str = ""
    facts: Facts = Facts()
    deadline: Deadline | None = None
    evidence: tuple[Evidence, ...] = ()  # strongest first
    model: str = ""  # version that decided
    unknown_words: float = 0.0  # share of the mail's distinct words that the model does not know, 0 to 1

    @property
    def ids(self) -> tuple[Identifier, ...]:
        """The numbers the mail names."""
        return self.facts.ids

    @property
    def kept(self) -> bool:
        """Whether a case is made of it: a warning, or something a person must look at."""
        return self.warning or self.needs_review


@dataclass(frozen=True, kw_only=True)
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
    assignee: str = ""  # who has it
    attempts: int = 0  # answers submitted so far
    final: bool = False  # the platform says that it hears nothing more
    marketplaces: tuple[str, ...] = ()
    money: tuple[Money, ...] = ()  # amounts its mails speak of
    merged_into: int | None = None  # the case that has its mails now
    snoozed_until: datetime | None = None  # nobody wants to be reminded before; something new ends it
    open_since: datetime | None = None  # since when nobody has acknowledged it, or had not until somebody did


@dataclass(frozen=True, kw_only=True)
class CaseEvent:
    """Something that happened to a case."""

    id: int
    case_id: int
    at: datetime
    by: str  # "triage" or a person
    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A step in a case, or a piece of evidence to gather."""

    name: str  # by which it is ticked
    text: str
    when: str = ""  # hour, day, week after the notice came; "" for evidence
    asked: bool = False  # the mail asks for it
    ok: str = ""  # what makes a piece of evidence acceptable
    did: str = ""  # what an appeal says of it once it is done
    done_by: str = ""
    done_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class KnownFact:
    """Something known about a platform that ages."""

    topic: str  # where, limit, answer, tries, funds, stock, threshold, rule
    text: str
    source: str
    grade: str  # official, staff, notice, trade, low
    as_of: str  # year and month in which it was collected


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What a case means and what to do, in one language, as of now."""

    language: str
    meaning: str
    trade_grade: str  # the trade's words: can be appealed, hard, cannot be appealed
    practice: Appealability
    practice_text: str
    why: str  # of today's practice; where it differs from the trade's grade, that is the reason
    steps: tuple[Task, ...] = ()  # still to do, in order
    done: tuple[Task, ...] = ()
    dropped: tuple[Task, ...] = ()  # no longer to be done in the time left
    evidence: tuple[Task, ...] = ()  # what the mail asks for first; ticked ones stay
    mistakes: tuple[str, ...] = ()
    prevention: tuple[str, ...] = ()
    facts: tuple[KnownFact, ...] = ()  # of this platform and stage
    usual_limit: str = ""  # how long platforms usually give

    @property
    def items(self) -> list[str]:
        """The names of all that can be ticked."""
        return [task.name for task in (*self.steps, *self.done, *self.dropped, *self.evidence)]
