"""What mails name: texts with the facts in them (tests/data/facts.jsonl), formats and check digits."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from triage.glossary import called, labels
from triage.mail import reading
from triage.types import Facts
from triage.understand import identifiers
from triage.understand.facts import about, facts
from triage.understand.naming import store_name

TEXTS = [json.loads(line) for line in (Path(__file__).parent / "data" / "facts.jsonl").read_text().splitlines()]


def named(text: str, sender: str = "", subject: str = "") -> Facts:
    mail = reading.from_fields(sender=sender, subject=subject, body=text)
    return facts(mail, about(mail))


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: row["text"][:40].replace("\n", " "))
def test_a_text_names_what_it_names(row):
    mail = reading.from_fields(sender=row["from"], subject=row["subject"], body=row["text"])
    cues = about(mail)
    found = facts(mail, cues)
    owner = found.rights_owner
    said = {
        "ids": [f"{each.kind} {each.value}" for each in found.ids],
        "metrics": [[each.name, each.value, each.target] for each in found.metrics],
        "money": [[each.amount, each.currency, each.about] for each in found.money],
        "points": [[each.value, each.of] for each in found.points],
        "documents": list(found.documents),
        "answer_kinds": [each.kind for each in found.answer_to],
        "owner": [owner.name, owner.email] if owner else None,
        "store": store_name(mail, cues),
        "marketplaces": list(found.marketplaces),
    }
    for key, value in row.items():
        if key == "policies":
            assert all(any(part in policy for policy in found.policies) for part in value)
        elif key == "answer":
            assert set(value) <= {f"{each.kind} {each.value}" for each in found.answer_to}
        elif key not in {"from", "subject", "text"}:
            assert said[key] == value, key


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("EAN 4006381333931", ["ean"]), ("EAN 4006381333932", []), ("VAT number DE136695976", ["vat"]), ("VAT number DE136695977", []),
        ("ISBN 978-0-306-40615-7", ["isbn"]), ("ISBN 978-0-306-40615-8", []), ("ASIN 0306406152", ["asin"]), ("ASIN 0306406153", []),
        ("统一社会信用代码:91110000600037341L", ["company"]), ("统一社会信用代码:91110000600037341K", []),
        ("专利号 ZL202130123456.1", []), ("case 2026-11-23", []), ("ASIN: B0XXXXXXXX", []), ("order 000-0000000-0000000", []),
    ],
)  # fmt: skip
def test_a_number_with_a_wrong_check_digit_is_none(text, kinds):
    assert [each.kind for each in named(text).ids] == kinds


def test_the_place_of_a_number_is_kept():
    (found,) = named("We removed the listing\nASIN: B0CQ7M2XKD (Lantern)\nfrom sale").ids
    assert found.place == "ASIN: B0CQ7M2XKD (Lantern)"


def test_a_list_behind_one_word_is_read_to_its_end():
    found = named("Items: 123456789012, 123456789013 and 123456789014")
    assert [each.value for each in found.ids] == ["123456789012", "123456789013", "123456789014"]


def test_a_reply_names_what_its_history_names():
    text = "We have reviewed your appeal and decided not to reinstate.\n\nOn Fri, Nov 20, 2026 at 8:30 AM Chen <c@x.example> wrote:\n\n> Complaint ID: 10449283311\n> please"
    assert [each.value for each in named(text).ids] == ["10449283311"]


@pytest.mark.parametrize(
    ("digits", "amount"),
    [("1,234.56", "1234.56"), ("1.234,56", "1234.56"), ("1 234,5", "1234.5"), ("1,234", "1234"), ("12.50", "12.50"), ("1'000'000.00", "1000000.00"), ("7", "7")],
)  # fmt: skip
def test_an_amount_is_one_number_however_it_is_written(digits, amount):
    from triage.understand.figures import plain_amount

    assert plain_amount(digits) == amount


def test_every_kind_of_fact_has_a_chinese_name():
    table = tomllib.loads((files("triage.understand") / "cues.toml").read_text(encoding="utf-8"))
    kinds = {kind for kind, _ in identifiers._BY_SHAPE} | {kind for kind, _ in identifiers._BEHIND.values()}
    named = {*kinds, *table["metric"], *table["money"], *table["document"]}
    assert named - labels("zh") == set()
    assert set(table["id"]) == set(identifiers._BEHIND)
    assert called("plan_of_action", "en") == "plan of action"
