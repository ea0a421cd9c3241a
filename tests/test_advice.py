"""Playbooks as data, and the advice computed from them."""

import re
import tomllib
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files

import pytest

from tests.conftest import NOW
from tests.test_priority import CASE
from triage.advice.playbook import General, Playbook, names, playbooks
from triage.advice.steps import advice
from triage.errors import ConfigError
from triage.labels import ANSWER, SEND_DOCUMENTS, Appealability, Cause, Platform, SenderVerdict, Stage
from triage.types import AnswerTo, CaseEvent, Deadline, Facts

CAUSES = [cause for cause in Cause if cause is not Cause.NONE]
BOOKS = playbooks()
SUSPENDED = replace(CASE, stage=Stage.SUSPENDED, cause=Cause.AUTHENTICITY, deadline=None)


def told(case, language="en", **more):
    return advice(case, language, BOOKS, now=NOW, **more)


def due_in(hours, *, assumed=False):
    return Deadline(NOW + timedelta(hours=hours), "", assumed)


def done(**names):
    return {name: CaseEvent(id=1, case_id=1, at=NOW, by=by, kind="ticked") for name, by in names.items()}


# ---- the data ------------------------------------------------------------------------------------------------------


def texts(node, language):
    """Every text of a language in a playbook's table."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str) and (key == language or key.endswith(f"_{language}")):
                yield value
            else:
                yield from texts(value, language)
    elif isinstance(node, list):
        for each in node:
            yield from texts(each, language)


@pytest.mark.parametrize("name", names())
def test_chinese_is_chinese_english_is_english_and_neither_lacks_what_the_other_has(name):
    table = tomllib.loads((files("triage.advice") / "playbooks" / f"{name}.toml").read_text(encoding="utf-8"))
    english, chinese = list(texts(table, "en")), list(texts(table, "zh"))
    assert len(english) == len(chinese) > 0
    for text in english:
        assert not re.search(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", text), text
    for text in chinese:
        assert re.search(r"[\u4e00-\u9fff]", text), text
    for language in ("did", "ok"):
        flat = str(table)
        assert flat.count(f"'{language}_en'") == flat.count(f"'{language}_zh'")


@pytest.mark.parametrize("cause", CAUSES)
def test_names_of_steps_and_evidence_are_used_once(cause):
    book = BOOKS.of(cause)
    steps = [step.id for step in (*BOOKS.general.steps, *book.steps)]
    pieces = [piece.id for piece in book.evidence]
    assert len(set(steps)) == len(steps)
    assert len(set(pieces)) == len(pieces)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_playbook_says_what_to_do_in_the_first_hour_day_and_week(cause):
    whens = {step.when for step in (*BOOKS.general.steps, *BOOKS.of(cause).steps) if not step.stages}
    assert whens == {"hour", "day", "week"}


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if BOOKS.of(cause).answer == "plan"])
def test_where_a_plan_is_asked_for_there_is_something_for_each_of_its_parts(cause):
    plan = BOOKS.of(cause).plan
    assert plan.cause
    assert plan.done
    assert plan.prevent


@pytest.mark.parametrize("platform", [p for p in Platform if p not in {Platform.OTHER, Platform.NONE}])
def test_what_is_known_of_a_platform_has_its_source_grade_and_date(platform):
    silent = {Platform.SHEIN, Platform.OTTO, Platform.WAYFAIR}  # nothing reliable is known of these
    found = [
        fact
        for cause in CAUSES
        for fact in told(replace(SUSPENDED, platform=platform, cause=cause)).facts
        if fact.topic != "rule" or platform not in silent
    ]
    assert all(fact.source.startswith("http") and re.fullmatch(r"\d{4}-\d{2}", fact.as_of) for fact in found)
    assert found or platform in silent


def test_the_general_advice_knows_every_grade_and_stage():
    general = BOOKS.general
    assert set(general.grades) == set(Appealability)
    assert {stage for step in general.steps for stage in step.stages} == set(Stage) - {Stage.NONE}


# ---- a user's own --------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    playbooks.cache_clear()
    yield tmp_path
    playbooks.cache_clear()


def test_a_users_file_changes_what_it_names_and_leaves_the_rest(folder):
    (folder / "kyc.toml").write_text(
        """
practice = "hard"
without = ["video"]
steps = [
  { id = "gather", worth = 1 },
  { id = "call_agent", when = "hour", hours = 1, worth = 5, en = "Call our agent.", zh = "联系我们的代理。" },
]
"""
    )
    ours, theirs = BOOKS.of(Cause.KYC), playbooks(folder).of(Cause.KYC)
    steps = {step.id: step for step in theirs.steps}
    assert theirs.practice is Appealability.HARD
    assert "video" not in steps
    assert (steps["gather"].worth, steps["gather"].en) == (1, {s.id: s for s in ours.steps}["gather"].en)
    assert steps["call_agent"].en == "Call our agent."
    assert theirs.evidence == ours.evidence
    assert playbooks(folder).of(Cause.EPR) == BOOKS.of(Cause.EPR)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("kic.toml", "", "no playbook is called so; did you mean kyc.toml?"),
        ("kyc.toml", "= nothing", "kyc.toml: not valid TOML"),
        ("kyc.toml", 'practice = "maybe"', "kyc.toml: practice: input should be 'appealable'"),
        ("kyc.toml", 'meaning = { en = "x y z" }\nwithout = []\nwhat = 1', "kyc.toml: what: extra inputs"),
        ("kyc.toml", 'steps = [{ id = "new_one", when = "hour" }]', r"kyc.toml: steps\.6\.en: field required"),
        ("general.toml", 'final = { en = "" }', r"general.toml: final\.en: string should have at least 2"),
    ],
)
def test_a_playbook_with_a_fault_is_one_line_with_the_place(folder, name, content, said):
    (folder / name).write_text(content)
    with pytest.raises(ConfigError, match=said):
        playbooks(folder)


def test_a_folder_that_is_not_there_is_said(folder):
    with pytest.raises(ConfigError, match="no such folder of playbooks"):
        playbooks(folder / "x")


# ---- appealability -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "trade", "practice"),
    [(Cause.KYC, "cannot be appealed", "remedy"), (Cause.PERFORMANCE, "can be appealed", "appealable"), (Cause.IP_INFRINGEMENT, "hard", "hard"),
     (Cause.LINKED_ACCOUNTS, "cannot be appealed", "hard"), (Cause.CERTIFICATION, "hard", "remedy"), (Cause.OTHER, "not graded", "unknown"),
     (Cause.REVIEW_MANIPULATION, "can be appealed", "hard")],
)  # fmt: skip
def test_both_gradings_are_shown(cause, trade, practice):
    said = told(replace(SUSPENDED, cause=cause))
    assert (said.trade_grade, said.practice) == (trade, Appealability(practice))


def test_a_platform_and_stage_can_differ_and_say_why():
    case = replace(SUSPENDED, cause=Cause.REVIEW_MANIPULATION, platform=Platform.SHOPEE, stage=Stage.APPEAL_DENIED)
    assert told(case).practice is Appealability.NOT_APPEALABLE
    assert "first finding only" in told(case).why
    assert told(replace(case, platform=Platform.AMAZON)).practice is Appealability.HARD


def test_what_holds_on_a_platform_for_every_cause_comes_after_what_holds_for_this_one():
    case = replace(SUSPENDED, cause=Cause.KYC, platform=Platform.ETSY, stage=Stage.APPEAL_DENIED)
    assert told(case).practice is Appealability.NOT_APPEALABLE
    assert "specialist" in told(case).why
    case = replace(SUSPENDED, cause=Cause.PERFORMANCE, stage=Stage.WARNING)
    assert told(case).practice is Appealability.REMEDY
    assert told(replace(case, stage=Stage.SUSPENDED)).practice is Appealability.APPEALABLE


def test_after_the_last_word_nothing_is_argued_any_more():
    said = told(replace(SUSPENDED, stage=Stage.APPEAL_DENIED, final=True))
    assert said.practice is Appealability.NOT_APPEALABLE
    assert {"clocks", "outside_ways"} <= {task.name for task in said.steps}
    assert "submit_once" not in {task.name for task in said.steps}


# ---- steps ---------------------------------------------------------------------------------------------------------


def test_steps_go_by_hour_day_and_week_the_most_valuable_first():
    steps = told(SUSPENDED).steps
    order = [("hour", "day", "week").index(task.when) for task in steps]
    assert order == sorted(order)
    assert steps[0].name == "prove"


def test_in_a_hurry_the_most_valuable_comes_first_and_what_does_not_fit_is_dropped():
    case = replace(SUSPENDED, cause=Cause.PRODUCT_SAFETY, deadline=due_in(10))
    said = told(case)
    worth = {step.id: step.worth for step in (*BOOKS.general.steps, *BOOKS.of(case.cause).steps)}
    values = [worth[task.name] for task in said.steps]
    assert values == sorted(values, reverse=True)
    assert "independent_test" in {task.name for task in said.dropped}
    assert "independent_test" not in {task.name for task in said.steps}


@pytest.mark.parametrize("deadline", [None, due_in(10, assumed=True), due_in(-5)])
def test_without_a_limit_of_the_mails_own_nothing_is_dropped(deadline):
    assert told(replace(SUSPENDED, cause=Cause.PRODUCT_SAFETY, deadline=deadline)).dropped == ()


def test_what_is_done_is_no_next_step_and_says_who_and_when():
    said = told(SUSPENDED, done=done(prove="li"))
    assert "prove" not in {task.name for task in said.steps}
    assert [(task.name, task.done_by, task.done_at) for task in said.done] == [("prove", "li", NOW)]


def test_what_the_mail_asks_for_becomes_a_step_and_stands_first_among_the_evidence():
    facts = Facts(documents=("utility_bill", "invoice"), answer_to=(AnswerTo("menu", "Performance > Account Health"),))
    said = told(SUSPENDED, facts=facts)
    steps = {task.name: task.text for task in said.steps}
    assert steps[SEND_DOCUMENTS] == "Send what the notice asks for: utility bill, invoice."
    assert "Performance > Account Health" in steps[ANSWER]
    assert [task.name for task in said.evidence if task.asked] == ["evidence.invoices", "evidence.utility_bill"]
    assert all(task.asked for task in said.evidence[:2])


def test_a_link_in_a_mail_never_becomes_a_step():
    facts = Facts(answer_to=(AnswerTo("page", "https://evil.example/appeal"),))
    assert "evil" not in " ".join(task.text for task in told(SUSPENDED, facts=facts).steps)


def test_for_a_forged_mail_there_is_nothing_to_appeal():
    said = told(replace(SUSPENDED, sender=SenderVerdict.FORGED), facts=Facts(documents=("invoice",)))
    assert said.steps[0].text.startswith("Click nothing")
    assert said.evidence == said.facts == ()


def test_after_a_reinstatement_the_steps_are_about_keeping_it():
    assert [task.name for task in told(replace(SUSPENDED, stage=Stage.REINSTATED)).steps] == [
        "check_all_is_back", "close_the_rest", "keep_promises",
    ]  # fmt: skip


def test_a_playbook_asks_for_nothing_unlawful():
    """No second account, no hiding of a tie, no bought paper or review is ever a step."""
    for cause in CAUSES:
        for step in BOOKS.of(cause).steps:
            assert not re.search(r"(?i)\b(vpn|proxy|fingerprint|buy (?:an? )?(?:account|invoice|review))", step.en), (
                step.en
            )


def test_the_schema_refuses_what_is_not_known():
    assert Playbook.model_config["extra"] == General.model_config["extra"] == "forbid"
