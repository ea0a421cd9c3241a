"""Looking at cases and the messages behind them: lists, search, stores."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from triage.advising import repeated
from triage.cases import queries
from triage.cases.stores import Store, stores
from triage.cli.app import ConfigOption, JsonOption, LanguageOption, app, database, language, now, only
from triage.cli.show import cases_table, out, plain, print_json
from triage.labels import CAUSE_NAMES, PLATFORM_NAMES, STAGE_NAMES, STATUS_NAMES, Cause, Platform, Stage


@app.command()
def cases(
    path: ConfigOption = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Ended cases too.")] = False,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    platform: Annotated[Platform | None, typer.Option(help="Only of this platform.")] = None,
    cause: Annotated[Cause | None, typer.Option(help="Only of this cause.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="Only at this stage.")] = None,
    review: Annotated[bool, typer.Option("--review", help="Only those a person should check.")] = False,
    mine: Annotated[str | None, typer.Option("--of", help="Only those that this person has.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 200,
    json: JsonOption = False,
    lang: LanguageOption = None,
) -> None:
    """List the open cases, the most urgent first.

    A question mark behind a cause means that a person should check it; an exclamation mark, that the mail is forged.
    A tilde before the time that is left: the mail names no limit, this is the usual one.
    """
    with database(path) as (db, settings):
        found = queries.listed(
            db,
            everything=everything,
            accounts=only(account),
            platform=platform,
            cause=cause,
            stage=stage,
            review=review,
            assignee=mine,
            now=now(),
            limit=limit,
        )
        told = language(lang, settings)
        if json:
            print_json([queries.facts(case, now()) for case in found])
        elif not found:
            out.print("没有案件。" if told == "zh" else "No cases.")
        else:
            zones = {case.account: settings.zone_for(case.account) for case in found}
            out.print(cases_table(found, told, zones, now()))


@app.command(name="messages")
def list_messages(
    path: ConfigOption = None,
    text: Annotated[str | None, typer.Option("--search", "-s", help="Only with this in subject or sender.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 30,
    json: JsonOption = False,
) -> None:
    """List the messages seen, warnings or not; for correcting one that was missed."""
    with database(path) as (db, _):
        like = f"%{text or ''}%"
        rows = list(
            db.query(
                """SELECT id, received_at, outcome, sender, subject, case_id, account FROM messages
                   WHERE subject LIKE ? OR sender LIKE ? ORDER BY id DESC LIMIT ?""",
                [like, like, limit],
            )
        )
        if json:
            print_json(rows)
            return
        for row in rows:
            joined = f"case {row['case_id']}" if row["case_id"] else row["outcome"]
            out.print(
                f"{row['id']:>7}  {row['received_at'][:16].replace('T', ' ')}  {joined:<12} {plain(row['sender']):<40} {plain(row['subject'])}",
                no_wrap=True,
                overflow="ellipsis",
            )


@app.command(name="search")
def search_command(
    words: Annotated[list[str], typer.Argument(help='All of these; "in quotes" for a phrase, a star for a beginning.')],
    path: ConfigOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the best first.")] = 20,
    json: JsonOption = False,
) -> None:
    """Search the mails and notes of all cases, in any language: [bold]triage search 侵权[/bold]"""
    from triage.searching import searched

    with database(path) as (db, _):
        hits = searched(db, " ".join(f'"{word}"' if " " in word else word for word in words), limit)
        if json:
            print_json([asdict(hit) for hit in hits])
            return
        for hit in hits:
            out.print(f"[bold]#{hit.case_id}[/bold] {hit.at:%Y-%m-%d}  {hit.kind}  {plain(hit.subject)}")
            out.print(f"    {plain(' '.join(hit.excerpt.split()))}")
        if not hits:
            out.print("Nothing found.")


@app.command(name="stores")
def list_stores(
    path: ConfigOption = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    json: JsonOption = False,
    lang: LanguageOption = None,
) -> None:
    """Each store: what is open, points, how the cases of a year ended, and what repeats itself."""
    with database(path) as (db, settings):
        told = language(lang, settings)
        found = stores(db, now(), accounts=only(account))
        if json:
            print_json([_store_document(store, told) for store in found])
            return
        for store in found:
            _show_store(store, told)
        if not found:
            out.print("没有店铺。" if told == "zh" else "No stores.")


def _store_document(store: Store, told: str) -> dict[str, object]:
    return {
        "account": store.account,
        "store": store.name,
        "platform": store.platform.value,
        "open": [case.id for case in store.open],
        "points": asdict(store.points) if store.points else None,
        "outcomes": {status.value: count for status, count in store.outcomes().items()},
        "causes": dict(Counter(case.cause.value for case in store.cases)),
        "patterns": [asdict(pattern) for pattern in repeated(store, now(), told)],
    }


def _show_store(store: Store, told: str) -> None:
    zh = told == "zh"
    out.print(f"[bold]{plain(store.name)}[/bold] {PLATFORM_NAMES[store.platform]}")
    shown = ", ".join(
        f"#{case.id} {CAUSE_NAMES[told][case.cause]} ({STAGE_NAMES[told][case.stage]})" for case in store.open
    )
    out.print(f"  {'未结' if zh else 'open'}: {plain(shown) or '-'}")
    if store.points:
        of = f"/{store.points.of}" if store.points.of else ""
        out.print(f"  {'扣分' if zh else 'points'}: {store.points.value}{of}")
    ended = ", ".join(f"{count} {STATUS_NAMES[told][status]}" for status, count in store.outcomes().items())
    if ended:
        out.print(f"  {'一年内结果' if zh else 'ended in a year'}: {ended}")
    for pattern in repeated(store, now(), told):
        out.print(f"  [yellow]! {plain(pattern.text)}[/yellow]")
