"""Letters: filled in from what is known, blank where only the seller knows, and checked before they go."""

import io
import tomllib
from dataclasses import replace
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.conftest import NOW
from tests.test_advice import BOOKS, CAUSES, SUSPENDED, done, told
from triage.advice import lint, paper
from triage.advice.drafts import BLANK, LETTERS, Letter, Notice, draft, escaped, languages, letter_language, letters_for
from triage.errors import ConfigError, UsageError
from triage.labels import Cause, Platform, SenderVerdict, Stage
from triage.types import Facts, Identifier, Metric, RightsOwner

LATE = replace(SUSPENDED, cause=Cause.PERFORMANCE, stage=Stage.WARNING, store="Brightfield")
FACTS = Facts(
    ids=(Identifier("case", "16744219803"), Identifier("asin", "B0CQ7M2XKD")),
    metrics=(Metric("order_defect_rate", 1.42, 1.0, "%"),),
    documents=("invoice",),
)
NOTICE = Notice("Your ODR is above the target", NOW)
UTC = ZoneInfo("UTC")


def write(case=LATE, letter=Letter.PLAN, facts=FACTS, language="en", reader="en", notice=NOTICE, own=None, **ticks):
    said = told(case, reader, facts=facts, done=done(**ticks))
    return draft(case, letter, said, facts, BOOKS, notice, language=language, zone=UTC, own=own)


# ---- what is written -----------------------------------------------------------------------------------------------


def test_a_plan_has_cause_actions_and_prevention_in_this_order_and_the_facts_of_the_notice():
    text = write()
    places = [text.index(head) for head in ("## 1. Root cause", "## 2. What we have done", "## 3. How we prevent")]
    assert places == sorted(places)
    for fact in ("2026-11-23", "16744219803", "B0CQ7M2XKD", "order defect rate 1.42% (target 1%)", "Brightfield"):
        assert fact in text


def test_only_what_was_ticked_is_said_to_be_done_with_its_day():
    assert "2026-11-23: All late orders were shipped or refunded." in write(stop_late="li")
    assert "All late orders" not in write()


def test_everything_nobody_knows_is_a_blank_and_nothing_else_is_claimed():
    """What is left of a plan without its blanks: the fixed words, the facts of the mail, nothing more."""
    said = BLANK.sub("", write()).replace("\\", "")
    allowed = (*_fixed("en"), *map(str, (2026, 11, 23)), "16744219803", "B0CQ7M2XKD", "ASIN", "case", "order defect rate 1.42%",
               "(target 1%)", "Brightfield", NOTICE.subject)  # fmt: skip
    for text in sorted(allowed, key=len, reverse=True):
        said = said.replace(text, "")
    assert not [word for word in said.split() if word.isalpha()], said


def _fixed(language):
    table = tomllib.loads((files("triage.advice") / "letters.toml").read_text(encoding="utf-8"))[language]
    return [
        part
        for text in table.values()
        for part in text.replace("{date}", "|").replace("{subject}", "|").split("|")
        if part
    ]


def test_evidence_that_is_there_becomes_an_annex_what_is_asked_for_and_not_there_a_blank():
    text = write(replace(LATE, cause=Cause.AUTHENTICITY), **{"evidence.payment": "li"})
    assert "1. Payment proof, delivery note, customs papers, contract - [[file name]]" in text
    assert "[[not there yet: Supplier invoices]]" in text


def test_a_case_without_any_number_gets_a_letter_without_that_line():
    text = write(facts=Facts())
    assert "Reference" not in text
    assert "Listings" not in text
    assert "Store: Brightfield" in text


def test_a_second_answer_must_say_what_is_new():
    assert "New in this submission: [[" in write(replace(LATE, attempts=1))
    assert "New in this submission" not in write()


@pytest.mark.parametrize("language", languages())
def test_every_language_has_every_word(language):
    tables = tomllib.loads((files("triage.advice") / "letters.toml").read_text(encoding="utf-8"))
    assert set(tables[language]) == set(tables["en"])
    assert all(tables[language].values())
    assert "{date}" in tables[language]["notice"]
    assert "{subject}" in tables[language]["notice"]
    assert "{platform}" in tables[language]["retraction_intro"]


def test_hints_are_complete_in_both_languages():
    hints = tomllib.loads((files("triage.advice") / "letters.toml").read_text(encoding="utf-8"))["hints"]
    assert set(hints["en"]) == set(hints["zh"])


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("language", languages())
def test_every_letter_of_every_cause_can_be_written_in_every_language(cause, language):
    case = replace(SUSPENDED, cause=cause, attempts=1)
    for letter in LETTERS[BOOKS.of(cause).answer]:
        text = write(case, letter, language=language, reader="zh", close="li", stop="li")
        assert text.startswith("# ")
        assert BLANK.search(text)


def test_what_was_done_is_left_to_be_translated_where_we_have_no_words():
    text = write(language="de", stop_late="li")
    assert "2026-11-23: [[say in the letter's language: All late orders were shipped or refunded.]]" in text


@pytest.mark.parametrize(
    ("platform", "mail", "sites", "language"),
    [("amazon", "de", (), "de"), ("amazon", "zh", (), "en"), ("temu", "zh", (), "zh"), ("mercadolibre", "en", ("BR",), "pt"),
     ("mercadolibre", "en", ("MX",), "es"), ("coupang", "en", (), "ko"), ("lazada", "zh", (), "en"), ("allegro", "pl", (), "en"),
     ("otto", "en", (), "de"), ("ebay", "und", (), "en")],
)  # fmt: skip
def test_a_letter_is_in_the_language_the_platform_reads(platform, mail, sites, language):
    assert letter_language(replace(LATE, platform=Platform(platform), language=mail, marketplaces=sites)) == language


# ---- rights --------------------------------------------------------------------------------------------------------

RIGHTS = replace(SUSPENDED, cause=Cause.IP_INFRINGEMENT, stage=Stage.LISTING_REMOVED)


def test_over_a_right_the_first_letter_is_that_there_is_no_infringement():
    assert letters_for(RIGHTS, BOOKS) == (
        Letter.DISPUTE,
        Letter.LICENCE,
        Letter.RETRACTION,
        Letter.COUNTER_NOTICE,
        Letter.PLAN,
    )
    text = write(RIGHTS, Letter.DISPUTE)
    assert "does not infringe" in text
    assert "sorry" not in text.lower()
    assert "Root cause" not in text


def test_the_rights_owner_is_told_no_more_than_it_needs():
    facts = replace(
        FACTS, rights_owner=RightsOwner("Northpeak Ltd", "brand@northpeak.example"), policies=("Section 3",)
    )
    text = write(RIGHTS, Letter.RETRACTION, facts)
    assert "Northpeak Ltd brand@northpeak.example" in text
    assert "Amazon directly, quoting the complaint number" in text
    assert "order defect rate" not in text
    assert "Section 3" not in text


def test_a_counter_notice_is_sworn_english_and_warns_of_its_weight():
    text = write(RIGHTS, Letter.COUNTER_NOTICE, language="de")
    for part in (
        "penalty of perjury",
        "good-faith belief",
        "jurisdiction of the federal district court",
        "accept service of process",
        "lawsuit",
    ):
        assert part in text


@pytest.mark.parametrize("right", ["trademark", "patent"])
def test_there_is_no_counter_notice_against_a_trademark_or_patent(right):
    facts = replace(FACTS, ids=(Identifier(right, "123"),))
    with pytest.raises(UsageError, match=f"is about a {right}: a counter-notice exists for copyright alone"):
        write(RIGHTS, Letter.COUNTER_NOTICE, facts)


@pytest.mark.parametrize("cause", [Cause.KYC, Cause.LINKED_ACCOUNTS, Cause.VAT_TAX, Cause.CERTIFICATION, Cause.EPR])
def test_what_is_passed_and_not_argued_gets_documents_and_no_plea(cause):
    case = replace(SUSPENDED, cause=cause)
    assert letters_for(case, BOOKS) == (Letter.SUBMISSION,)
    text = write(case, Letter.SUBMISSION)
    assert "complete, unedited originals" in text
    assert "Root cause" not in text


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (replace(LATE, sender=SenderVerdict.FORGED), "is a forged mail: answer nothing"),
        (replace(LATE, cause=Cause.NONE), "is not a warning"),
        (replace(LATE, stage=Stage.REINSTATED), "is won"),
        (replace(LATE, cause=Cause.OTHER), "a guess becomes a confession"),
    ],
)
def test_what_is_not_to_be_answered_is_refused(case, said):
    with pytest.raises(UsageError, match=said):
        letters_for(case, BOOKS)


# ---- hostile words, users' templates ---------------------------------------------------------------------------------


@given(st.text())
def test_a_subject_is_never_markup_a_blank_or_code(subject):
    text = write(notice=Notice(subject, NOW))
    assert not BLANK.search(escaped(subject))
    kinds = [token.type for token in MarkdownIt("commonmark").parse(text)]
    assert kinds.count("heading_open") == 5
    assert not {"html_block", "fence", "code_block", "blockquote_open"} & set(kinds)


@pytest.mark.parametrize(
    "subject",
    [
        "{{ 7 * 7 }}",
        "{% for x in y %}",
        "[[filled]]",
        "# head\n- list",
        "<script>x</script>",
        "![x](http://e.example/x.png)",
    ],
)
def test_templates_and_html_in_a_subject_stay_words(subject):
    text = write(notice=Notice(subject, NOW))
    assert "49" not in text
    html = MarkdownIt("commonmark").render(text)
    assert "<script" not in html
    assert "<img" not in html


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for x in %}", "plan.md.jinja, line 1: "),
        ("line\n{{ nothing_like_that }}", "'nothing_like_that' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ range(10 ** 9) | list }}", "too big|Range"),
    ],
)
def test_a_users_broken_or_prying_template_is_one_line(tmp_path, template, said):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "plan.md.jinja").write_text(template)
    with pytest.raises(ConfigError, match=said):
        write(own=tmp_path)


def test_a_users_own_letter_takes_the_place_of_ours(tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "plan.md.jinja").write_text("# Ours\n\n{{ notice }}\n{% include 'annexes.md.jinja' %}")
    text = write(own=tmp_path)
    assert text.startswith("# Ours\n\nIn answer to your notice")
    assert "## Annexes" in text
    assert write(RIGHTS, Letter.DISPUTE, own=tmp_path).startswith("# Dispute")


# ---- on paper --------------------------------------------------------------------------------------------------------


def test_as_plain_text_there_is_no_markup_left():
    text = paper.as_text(write(notice=Notice("Your *rate* is_low", NOW)))
    assert "#" not in text
    assert "\\" not in text
    assert "Your *rate* is_low" in text
    assert "- ASIN B0CQ7M2XKD" not in text  # it stands in its line
    assert "Listings: ASIN B0CQ7M2XKD" in text


def test_a_word_document_has_headings_lists_and_highlighted_blanks():
    document = Document(io.BytesIO(paper.as_docx(write(**{"evidence.orders": "li"}))))
    styles = [paragraph.style.name for paragraph in document.paragraphs]
    assert styles[0] == "Heading 1"
    assert styles.count("Heading 2") == 4
    marked = [run.text for p in document.paragraphs for run in p.runs if run.font.highlight_color]
    assert marked
    assert all(text.startswith("[[") and text.endswith("]]") for text in marked)
    assert any(p.text.startswith("1. Each defective order") for p in document.paragraphs)


# ---- what is wrong with it -------------------------------------------------------------------------------------------

GOOD = """# Plan of action

Case 16744219803, ASIN B0CQ7M2XKD.

## 1. Root cause

Between 3 and 21 May returned units were restocked as new without inspection: orders 114-1, 114-2.

## 2. What we have done

- 2026-11-20: 42 units were removed (order RM-7), 3 buyers refunded.

## 3. How we prevent it

- Chen Li grades each return the day it arrives and writes it into the register (annex 2).
"""


def kinds(text, **more):
    found = lint.problems(
        text, more.pop("facts", FACTS), kind=Letter.PLAN, language=more.pop("language", "en"), reader="en"
    )
    return [problem.kind for problem in found]


def test_a_good_plan_has_nothing_to_mend():
    assert kinds(GOOD) == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("The buyer lied to get a refund.", "blaming"),
        ("It was the carrier's fault.", "blaming"),
        ("I beg you, my family depends on this.", "emotional"),
        ("Please reinstate us!!", "emotional"),
        ("We will be more careful.", "promise"),
        ("Our company was founded in 2009.", "history"),
        ("[[what let it happen]]", "blank"),
    ],
)
def test_what_a_reviewer_holds_against_a_letter_is_found_with_its_line(line, kind):
    (problem,) = lint.problems(f"{GOOD}\n{line}\n", FACTS, kind=Letter.PLAN, language="en", reader="en")
    assert (problem.kind, problem.line) == (kind, GOOD.count("\n") + 2)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("买家恶意退货。", "blaming"),
        ("求求你们恢复账户", "emotional"),
        ("我们保证以后绝不再犯", "promise"),
        ("我司成立于2009年", "history"),
    ],
)
def test_the_same_in_chinese(line, kind):
    found = lint.problems(f"2026-11-20 B0CQ7M2XKD {line}", FACTS, kind=Letter.PLAN, language="zh", reader="zh")
    assert kind in {problem.kind for problem in found}


def test_a_listing_the_notice_names_and_the_letter_does_not_is_told():
    facts = replace(FACTS, ids=(*FACTS.ids, Identifier("asin", "B0CQ7M2XZZ")))
    assert kinds(GOOD, facts=facts) == ["unnamed"]


def test_more_than_a_page_is_told():
    assert "too_long" in kinds(GOOD + "word " * 700)
    assert "too_long" in kinds(GOOD + "字" * 1300, language="zh")


def test_actions_without_a_date_are_told():
    assert kinds(GOOD.replace("2026-11-20: ", "")) == ["no_date"]


def test_a_draft_of_ours_has_only_blanks_to_fill():
    assert set(kinds(write(stop_late="li"))) == {"blank"}


def test_the_words_of_the_check_are_complete():
    table = tomllib.loads((files("triage.advice") / "lint.toml").read_text(encoding="utf-8"))
    assert set(table["say"]["en"]) == set(table["say"]["zh"])
    for kind in ("blaming", "emotional", "promise", "history"):
        assert set(table[kind]) == set(languages())
