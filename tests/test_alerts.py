import json
from datetime import timedelta

import pytest

from tests.conftest import NOW, a_batch, a_raw
from triage.alerts import outbox, render
from triage.alerts.outbox import pause
from triage.cases import queries
from triage.config import Settings, Target
from triage.delivery import deliver_due
from triage.labels import (
    CAUSE_NAMES,
    PLATFORM_NAMES,
    SEVERITY,
    STAGE_NAMES,
    Cause,
    Platform,
    Stage,
)
from triage.mail import cursor
from triage.pipeline import take_in


def clock():
    return NOW


@pytest.fixture
def one_case(db, model, settings):
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    take_in(db, a_batch(a_raw()), model, settings, NOW)
    return queries.get(db, 1)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 15), (2, 30), (8, 1920), (9, 3600), (10**6, 3600)])
def test_a_pause_doubles_from_15_seconds_and_ends_at_an_hour(failures, seconds):
    assert pause(failures, spread=0) == timedelta(seconds=seconds)


def test_the_spread_adds_at_most_a_half():
    assert timedelta(seconds=22) < pause(1, spread=0.999) < timedelta(seconds=22.5)


def test_the_same_key_goes_to_a_target_once(db):
    for _ in range(2):
        outbox.queue(db, ["a", "b"], "test", "key", now=NOW)
    assert [len(outbox.due(db, name, NOW)) for name in ("a", "b")] == [1, 1]


def test_a_delivered_alert_is_not_due_again(db, settings, one_case, tmp_path):
    assert deliver_due(db, settings.targets[0], settings, clock) == 1
    assert deliver_due(db, settings.targets[0], settings, clock) == 0
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 1


def test_an_alert_says_what_a_person_needs(db, settings, one_case, tmp_path):
    deliver_due(db, settings.targets[0], settings, clock)
    line = json.loads((tmp_path / "alerts.jsonl").read_text())

    assert line["title"] == "[New] Amazon shop: account suspended - Authenticity"
    for part in ("Store: shop (Amazon)", "Cause: Authenticity (", "% sure", "Answer by: 2026-11-26 12:00 UTC (3 d left;", "within 72 hours",
                 "Hard to appeal", "1. Type the seller site", "3. ", "triage case 1"):  # fmt: skip
        assert part in line["body"], part
    assert line["case"] == 1
    assert line["appealability"] == "hard"


def test_an_alert_in_chinese_is_chinese(db, settings, one_case, tmp_path):
    chinese = Target(name="file", type="jsonl", path=tmp_path / "zh.jsonl", language="zh")
    deliver_due(db, chinese, settings, clock)
    line = json.loads((tmp_path / "zh.jsonl").read_text())
    assert line["title"] == "[新案件] Amazon shop：账号停用 - 真实性 / 假货"
    assert "申诉难度大" in line["body"]
    assert "剩余 3 天" in line["body"]


def test_a_dead_target_delays_only_itself(db, settings, one_case, tmp_path):
    dead = Target(name="dead", type="jsonl", path=tmp_path / "no" / "such" / "folder.jsonl")
    outbox.queue(db, ["dead"], "case_opened", "event:1", now=NOW, case=1)

    assert deliver_due(db, dead, settings, clock) == 0
    assert deliver_due(db, settings.targets[0], settings, clock) == 1
    (row,) = db.query("SELECT attempts, last_error, delivered_at, due_at FROM alerts WHERE target = 'dead'")
    assert row["attempts"] == 1
    assert row["delivered_at"] is None
    assert row["due_at"] > NOW.isoformat()
    assert "No such file" in row["last_error"]


def test_after_the_last_try_another_target_is_told(db, settings, one_case, tmp_path):
    dead = Target(name="dead", type="jsonl", path=tmp_path / "no" / "folder.jsonl")
    both = Settings(**{**dict(settings), "targets": (*settings.targets, dead), "alerting": {"tries": 2}})
    outbox.queue(db, ["dead"], "case_opened", "event:1", now=NOW, case=1)
    for minutes in (0, 5):
        deliver_due(db, dead, both, lambda m=minutes: NOW + timedelta(minutes=m))

    kinds = [alert.kind for alert in outbox.due(db, "file", NOW + timedelta(hours=1))]
    assert kinds == ["case_opened", "target_failed"]
    assert outbox.due(db, "dead", NOW + timedelta(days=1)) == []


def test_a_strangers_words_cannot_break_an_alert(one_case):
    nasty = "Pay\r\nnow\x1b[31m {say} {0} <b>x</b> http://evil.example/a?b=1 www.evil.example " + "A" * 500
    shown = render.quoted(nasty, trusted=False)
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert "http://" not in shown
    assert "hxxp://evil[.]example/a" in shown
    assert len(shown) < 200
    case_text = render.plain_text("mailbox_down", {"account": "{reason}", "reason": "{account}"}, "en")
    assert case_text.title == "{reason}: the mailbox cannot be read"


def test_links_of_a_proven_sender_are_left_alone():
    assert render.quoted("see https://amazon.com/x", trusted=True) == "see https://amazon.com/x"


@pytest.mark.parametrize(
    ("span", "en", "zh"),
    [(timedelta(days=2, hours=4, minutes=3), "2 d 4 h", "2 天 4 小时"), (timedelta(hours=5), "5 h", "5 小时"),
     (timedelta(minutes=59, seconds=59), "59 min", "59 分钟"), (timedelta(seconds=3), "0 min", "0 分钟")],
)  # fmt: skip
def test_time_left_is_said_in_two_units(span, en, zh):
    assert render.remaining(span, "en") == en
    assert render.remaining(span, "zh") == zh


def test_no_word_is_missing_in_either_language():
    assert render.words("en").keys() == render.words("zh").keys()
    for names, labels in ((CAUSE_NAMES, Cause), (STAGE_NAMES, Stage)):
        for language in ("en", "zh"):
            assert set(names[language]) == set(labels)
    assert set(PLATFORM_NAMES) == set(Platform)
    assert set(SEVERITY) == set(Stage)


def test_every_word_takes_the_same_values_in_both_languages():
    import string

    def fields(text):
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, text in render.words("en").items():
        assert fields(text) == fields(render.words("zh")[key]), key
