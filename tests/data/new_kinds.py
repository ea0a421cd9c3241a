"""Kinds of notices that the corpus lacks: platforms that do not exist, in words of their own. Each kind has forty notices, put
together of parts so that no two are the same; a person corrects twenty of them, the other twenty are judged."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from triage.labels import Cause, Stage
from triage.learn.corpus import Row


@dataclass(frozen=True)
class Kind:
    """One kind of notice: parts, of which each notice has one of every sort."""

    name: str
    sender: str
    cause: Cause
    stage: Stage
    subjects: tuple[str, ...]
    openings: tuple[str, ...]
    middles: tuple[str, ...]
    ends: tuple[str, ...]

    def notices(self, number: int = 40) -> list[Row]:
        """As rows; neighbours differ in every part."""
        parts = list(itertools.product(self.openings, self.middles, self.ends, self.subjects))
        step = 7 if len(parts) % 7 else 11  # walks through all of them, far apart
        return [
            Row.model_validate(
                {
                    "id": f"{self.name}-{n}",
                    "group": f"{self.name}-{n}",
                    "from": self.sender,
                    "subject": subject,
                    "body": f"{opening.format(n=1000 + 37 * n)}\n{middle.format(n=1 + n)}\n{end.format(n=2 + n % 5)}",
                    "cause": self.cause,
                    "stage": self.stage,
                }
            )
            for n in range(number)
            for opening, middle, end, subject in [parts[n * step % len(parts)]]
        ]


KINDS = (
    Kind(
        name="concourse",
        sender="stall-desk@concourse-bazaar.example",
        cause=Cause.SELLER_CONDUCT,
        stage=Stage.RESTRICTED,
        subjects=("Stall {n}: observation class changed".replace("{n}", "ledger"), "Observation class C", "A word from the stall desk", "Your stall on the concourse"),
        openings=(
            "Stallholder, the stall desk has moved stall {n} to observation class C.",
            "As of this morning stall {n} stands in observation class C.",
            "The stall desk met on Monday. Stall {n} is now in observation class C.",
            "We write about stall {n}, which the desk has put into class C.",
        ),
        middles=(
            "The walkers noted that you sent {n} visitors on to a counter outside the concourse.",
            "Visitors were given cards with the way to another counter, {n} times in all.",
            "In {n} talks with visitors you named a counter of your own beyond the gates.",
            "Cards inside the wrapping led {n} visitors away from the concourse.",
        ),
        ends=(
            "In class C the lamps above a stall stay dark until the desk has heard from you within {n} days.",
            "The lamps go out now; write to the desk in the next {n} days and they may be lit again.",
            "Until the desk has your word, and {n} days at most, no lamp is lit above the stall.",
        ),
    ),
    Kind(
        name="harbour",
        sender="kai@warenhafen.example",
        cause=Cause.PAYMENTS,
        stage=Stage.RESTRICTED,
        subjects=("Ihr Ankerplatz: Fracht bleibt im Trockendock", "Trockendock", "Mitteilung der Kaimeisterei", "Zu Ihrem Ankerplatz"),
        openings=(
            "Werte Kapitänin, werter Kapitän, die Kaimeisterei hat die Truhe von Ankerplatz {n} ins Trockendock gebracht.",
            "Die Truhe zu Ankerplatz {n} liegt seit heute im Trockendock.",
            "Ankerplatz {n}: die Truhe wurde verplombt und ins Trockendock gezogen.",
            "Wir schreiben Ihnen wegen Ankerplatz {n}, dessen Truhe nun im Trockendock steht.",
        ),
        middles=(
            "Der Lotse fand {n} Fahrten, deren Heuer noch nicht beglichen ist.",
            "Von {n} Fahrten fehlt uns die Quittung der Gegenseite.",
            "Die Heuer von {n} Fahrten wurde vom Geldhaus zurückgereicht.",
            "Bei {n} Fahrten stimmt das Geldhaus nicht mit dem Logbuch überein.",
        ),
        ends=(
            "Nennen Sie uns binnen {n} Tagen ein Geldhaus, das die Truhe annimmt.",
            "Die Plombe fällt, sobald Ihr Geldhaus sich meldet; wir warten {n} Tage.",
            "Ohne ein anderes Geldhaus bleibt die Truhe weitere {n} Wochen im Dock.",
        ),
    ),
    Kind(
        name="tea-market",
        sender="guanshi@chashi.example",
        cause=Cause.LISTING_POLICY,
        stage=Stage.LISTING_REMOVED,
        subjects=("茶市管事来信", "您的茶牌已翻面", "关于第三排茶牌", "茶牌翻面告知"),
        openings=(
            "掌柜您好，编号 {n} 的茶牌今日已翻面。",
            "管事巡街时把 {n} 号茶牌翻了过去。",
            "{n} 号茶牌自今晨起背面朝外。",
            "特此相告：{n} 号茶牌已被管事翻面。",
        ),
        middles=(
            "牌上所写的香型与茶样不合，共 {n} 处。",
            "茶样的叶底和牌面的字对不上，管事数了 {n} 处。",
            "牌面多写了 {n} 个字号，与本排的规矩不合。",
            "同一茶样挂了 {n} 块牌，只许挂一块。",
        ),
        ends=(
            "请于 {n} 日内改好牌面，送管事重看。",
            "改好之后交到巡街处，{n} 日内翻回。",
            "{n} 日内不改，此牌收走。",
        ),
    ),
)  # fmt: skip
