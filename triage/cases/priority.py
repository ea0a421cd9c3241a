"""What to take up first: stage, time left, cause and money as points, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from triage.labels import Appealability, Cause, SenderVerdict, Stage
from triage.types import Case, Money

#: The stage decides: nothing else together outweighs a suspended account against a removed listing.
_STAGE = {
    Stage.SUSPENDED: 60,
    Stage.APPEAL_DENIED: 58,
    Stage.APPEAL_MORE_INFO: 56,
    Stage.RESTRICTED: 40,
    Stage.LISTING_REMOVED: 24,
    Stage.INFORMATION_REQUEST: 22,
    Stage.WARNING: 10,
    Stage.NONE: 4,
    Stage.REINSTATED: 0,
}
#: (time left, points). What is over is as urgent as what is due today: many platforms still read a late answer.
_TIME = (
    (timedelta(hours=24), 20),
    (timedelta(hours=72), 14),
    (timedelta(days=7), 8),
    (timedelta(days=30), 3),
)
#: Causes that spread: to other listings, to other accounts, to the money.
_CAUSE = {
    Cause.LINKED_ACCOUNTS: 6,
    Cause.IP_INFRINGEMENT: 5,
    Cause.AUTHENTICITY: 5,
    Cause.PRODUCT_SAFETY: 5,
    Cause.ACCOUNT_SECURITY: 5,
    Cause.SELLER_CONDUCT: 4,
    Cause.REVIEW_MANIPULATION: 4,
    Cause.KYC: 4,
    Cause.PAYMENTS: 3,
    Cause.VAT_TAX: 3,
    Cause.RESTRICTED_PRODUCT: 3,
}
_OTHER_CAUSE = 2
#: (US dollars, points).
_AT_STAKE = ((Decimal(50_000), 6), (Decimal(5_000), 4), (Decimal(500), 2))
#: Money that hangs on the case; a refund or a payout does not.
_HANGS = frozenset({"held", "owed", "fine"})
#: What a unit is worth in US dollars, to the first digit: for the order of cases, never shown as an amount. 2026-11.
_DOLLARS = {
    "USD": "1", "EUR": "1.1", "GBP": "1.3", "CNY": "0.14", "JPY": "0.0066", "CAD": "0.7", "AUD": "0.65", "MXN": "0.05",
    "BRL": "0.18", "PLN": "0.25", "SEK": "0.1", "TRY": "0.03", "INR": "0.012", "SGD": "0.75", "MYR": "0.22",
    "THB": "0.03", "VND": "0.00004", "PHP": "0.017", "IDR": "0.00006", "TWD": "0.03", "KRW": "0.0007", "RUB": "0.011",
    "HKD": "0.13", "CHF": "1.1", "NOK": "0.09", "DKK": "0.15", "CZK": "0.04", "HUF": "0.003", "RON": "0.22",
    "AED": "0.27", "SAR": "0.27", "CLP": "0.001", "COP": "0.00024", "ARS": "0.001", "NZD": "0.6", "ILS": "0.27",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a priority."""

    kind: str  # stage, deadline, cause, money, final, forged
    about: str  # a stage, a cause, an amount, time left in hours
    points: int


@dataclass(frozen=True, slots=True)
class Priority:
    """How urgent a case is."""

    points: int  # 0 to 92
    reasons: tuple[Reason, ...]  # the heaviest first


def priority(case: Case, now: datetime) -> Priority:
    """What a case weighs now, and why."""
    if case.sender is SenderVerdict.FORGED:
        return Priority(0, (Reason("forged", "", 0),))
    reasons = [Reason("stage", case.stage.value, _STAGE[case.stage])]
    if case.stage is not Stage.REINSTATED:
        reasons.append(Reason("cause", case.cause.value, _CAUSE.get(case.cause, _OTHER_CAUSE)))
        reasons += [reason for reason in (_time(case, now), _money(case.money)) if reason]
    if case.final:
        reasons.append(Reason("final", Appealability.NOT_APPEALABLE.value, 0))
    kept = sorted((r for r in reasons if r.points or r.kind == "final"), key=lambda r: -r.points)
    return Priority(sum(reason.points for reason in kept), tuple(kept))


def _time(case: Case, now: datetime) -> Reason | None:
    if case.deadline is None:
        return None
    left = case.deadline.at - now
    points = next((points for span, points in _TIME if left <= span), 0)
    if case.deadline.assumed:
        points //= 2  # nobody has said so
    return Reason("deadline", str(int(left.total_seconds() // 3600)), points)


def _money(amounts: tuple[Money, ...]) -> Reason | None:
    largest, of = Decimal(0), ""
    for each in amounts:
        worth = _dollars(each)
        if each.about in _HANGS and worth > largest:
            largest, of = worth, f"{each.currency} {each.amount}"
    points = next((points for least, points in _AT_STAKE if largest >= least), 0)
    return Reason("money", of, points) if points else None


def _dollars(money: Money) -> Decimal:
    try:
        return Decimal(money.amount) * Decimal(_DOLLARS.get(money.currency, "0"))
    except InvalidOperation:
        return Decimal(0)
