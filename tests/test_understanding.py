import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import NOW, ORDER, SUSPENSION, a_mail
from tests.data import make
from triage.labels import Cause, Platform, SenderVerdict, Stage
from triage.mail import reading
from triage.phrases import Finder
from triage.types import Mail
from triage.understand import lexicon
from triage.understand.deadline import deadline
from triage.understand.decide import decide
from triage.understand.facts import about, facts
from triage.understand.language import language
from triage.understand.naming import store_name
from triage.understand.text import normal

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def named(text):
    mail = a_mail("", text)
    return facts(mail, about(mail))


def one(model, mail):
    return decide([mail], model, [NOW], SHANGHAI)[0]


def test_a_plain_suspension_is_recognised_with_its_reasons(model):
    said = one(model, a_mail("Your Amazon.com selling account has been deactivated", SUSPENSION, "a@amazon.com"))

    assert (said.warning, said.cause, said.stage) == (True, Cause.AUTHENTICITY, Stage.SUSPENDED)
    assert said.platform is Platform.AMAZON
    assert {(each.kind, each.value) for each in said.ids} == {("asin", "B0CQ7M2XKD"), ("case", "16744219803")}
    assert said.deadline is not None
    assert said.deadline.text == "within 72 hours"
    assert said.evidence
    assert said.evidence[0].weight > 0
    assert said.model == model.version


def test_an_order_is_no_warning(model):
    said = one(model, a_mail("Sold, ship now: Camping lantern", ORDER, "seller-notification@amazon.com"))
    assert (said.warning, said.cause) == (False, Cause.NONE)


@pytest.mark.parametrize(
    ("subject", "body", "cause"),
    [
        ("您的账户已停用", "您的亚马逊账户已停用,因为它与另一个不得用于销售的账户相关联。", Cause.LINKED_ACCOUNTS),
        (
            "Identitätsprüfung",
            "Bitte laden Sie Reisepass und Handelsregisterauszug hoch. Ihr Konto wird sonst gesperrt.",
            Cause.KYC,
        ),
        ("Numéro de TVA", "Vos ventes sont bloquées: aucun numéro de TVA valide.", Cause.VAT_TAX),
        ("注文不良率", "注文不良率が目標値を超えました。改善計画をご提出ください。", Cause.PERFORMANCE),
    ],
)
def test_warnings_in_other_languages_are_recognised(model, subject, body, cause):
    said = one(model, a_mail(subject, body))
    assert said.warning
    assert said.cause is cause


def test_a_mail_gives_the_same_decision_in_any_batch(model):
    mails = [a_mail("Policy Warning", SUSPENSION), a_mail("Sold", ORDER), a_mail("Hi", "lunch at 12?")]
    together = decide(mails, model, [NOW] * 3, SHANGHAI)
    assert together == [one(model, mail) for mail in mails]


def test_an_empty_mail_from_a_platform_is_looked_at_by_a_person(model):
    said = one(model, a_mail("", "", "seller-performance@amazon.com"))
    assert said.needs_review
    assert "without readable text" in said.review_reason


@pytest.mark.parametrize(
    "text",
    ["", " ", "a" * 5_000_000, "\x00\x01\x02" * 1000, "停" * 1_000_000, "\u202e\u200b\u2060" * 5000, "а\u0301" * 20_000, "x " * 500_000, "a\u0430" * 1_000_000, "\u202e\u05d0 suspended " * 50_000],
    ids=["empty", "blank", "one word", "control", "han", "invisible", "combining", "many words", "two scripts", "right to left"],
)  # fmt: skip
def test_any_text_gives_a_decision_in_bounded_time(model, text):
    start = time.perf_counter()
    one(model, a_mail("s", text))
    assert time.perf_counter() - start < 5


def test_invisible_letters_and_traditional_characters_make_no_difference():
    assert normal("Acc\u200bount sus\u00adpended") == "account suspended"
    assert normal("帳戶停權") == normal("帐户停权")
    assert normal("ＡＣＣＯＵＮＴ") == "account"


def test_look_alike_letters_inside_a_word_are_read_as_what_they_imitate():
    assert normal("Your \u0430m\u0430zon \u0430\u0441\u0441\u043eunt") == "your amazon account"
    assert (
        normal("\u0430\u043a\u043a\u0430\u0443\u043d\u0442 Amazon")
        == "\u0430\u043a\u043a\u0430\u0443\u043d\u0442 amazon"
    )


def test_a_disguised_warning_is_one_all_the_same(model):
    plain = one(model, a_mail("Your account has been suspended", SUSPENSION))
    hidden = SUSPENSION.replace("a", "\u0430").replace("o", "\u200bo").replace("e", "\u0435")
    disguised = one(model, a_mail("Your acc\u043eunt has be\u200ben suspended", hidden))
    assert (disguised.warning, disguised.cause) == (plain.warning, plain.cause)


def test_a_forged_mail_keeps_what_it_pretends_and_says_why_it_is_forged(model):
    said = one(
        model,
        a_mail(
            "Your account has been suspended",
            "Unusual activity. Verify within 24 hours.",
            "Amazon <x@amazon-verify.example>",
        ),
    )
    assert said.sender is SenderVerdict.FORGED
    assert "imitates" in said.evidence[0].text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please respond within 72 hours.", "2026-11-26T09:00"),
        ("You have 3 business days to appeal.", "2026-11-26T09:00"),
        ("Send the documents within five (5) business days.", "2026-11-30T09:00"),
        ("within 17 days of this notice", "2026-12-10T09:00"),
        ("Provide it by December 1, 2026.", "2026-12-01T15:59"),
        ("no later than 12 December", "2026-12-12T15:59"),
        ("Bitte senden Sie die Unterlagen bis zum 01.12.2026.", "2026-12-01T15:59"),
        ("innerhalb von 7 Tagen", "2026-11-30T09:00"),
        ("dans un délai de 7 jours", "2026-11-30T09:00"),
        ("avant le 15 janvier 2027", "2027-01-14T16:00"),
        ("en un plazo de 7 días", "2026-11-30T09:00"),
        ("antes del 1 de diciembre de 2026", "2026-11-30T16:00"),
        ("entro 7 giorni", "2026-11-30T09:00"),
        ("entro il 15 gennaio 2027", "2027-01-15T15:59"),
        ("请在7个工作日内提交资料", "2026-12-02T09:00"),
        ("请在72小时内回复", "2026-11-26T09:00"),
        ("请于2026年12月1日前提交", "2026-11-30T16:00"),
        ("截止日期:2026-12-01 18:00 (北京时间)", "2026-12-01T10:00"),
        ("12月1日までにご提出ください", "2026-12-01T15:59"),
        ("72時間以内に改善計画をご提出ください", "2026-11-26T09:00"),
    ],
)  # fmt: skip
def test_a_limit_is_read(text, expected):
    found = deadline(text, MONDAY, SHANGHAI)
    assert found is not None
    assert found.at.isoformat()[:16] == expected


@pytest.mark.parametrize(
    "text",
    ["invoices issued in the last 365 days", "We may hold your funds for up to 90 days.", "a utility bill dated within the last 90 days",
     "We will respond within 48 hours.", "Your order of November 20, 2026", "sales of the preceding 28 days",
     "资金将被冻结90天", "90天内开具的水电煤账单", "我们将在2个工作日内回复", "Rechnungen der letzten 365 Tage", "過去365日以内に発行された請求書",
     "factures des 365 derniers jours"],
)  # fmt: skip
def test_what_is_no_limit_of_the_sellers_is_none(text):
    assert deadline(text, MONDAY, SHANGHAI) is None


def test_the_earliest_of_several_limits_counts():
    found = deadline("Answer within 72 hours. Stock is removed unless you act by December 20, 2026.", MONDAY, SHANGHAI)
    assert found is not None
    assert found.text == "within 72 hours"


def test_identifiers_are_found_once_each():
    text = "ASIN: B0CQ7M2XKD, B0CQ7M2XKD. Order 114-2209871-5530013. Complaint ID: 10449283311. 投诉编号:18820341556 Item 285517220934 PP-R-LKD-430987211"
    found = {(each.kind, each.value) for each in named(text).ids}
    assert found == {
        ("asin", "B0CQ7M2XKD"), ("order", "114-2209871-5530013"), ("complaint", "10449283311"), ("complaint", "18820341556"),
        ("item", "285517220934"), ("reference", "PP-R-LKD-430987211"),
    }  # fmt: skip


def test_a_masked_number_is_no_identifier():
    assert named("ASIN: B0XXXXXXXX, order ***-*******-*******, complaint ID: xxxxxxxxxx").ids == ()


def test_a_store_is_read_from_its_labelled_line():
    for text, store in (
        ("Case ID: 1\nStore name: Brightfield Outdoor\nthanks", "Brightfield Outdoor"),
        ("店铺名称:晨光户外", "晨光户外"),
    ):
        mail = a_mail("", text)
        assert store_name(mail, about(mail)) == store


@pytest.mark.parametrize(
    ("text", "code"),
    [("Your account was suspended", "en"), ("Ihr Konto wurde gesperrt und nicht reaktiviert", "de"), ("Votre compte est suspendu", "fr"),
     ("Su cuenta ha sido suspendida", "es"), ("Il tuo account è stato sospeso", "it"), ("您的账户已被停用", "zh"),
     ("アカウントは停止されました", "ja"), ("계정이 정지되었습니다", "ko"), ("Twoje konto zostało zablokowane", "pl"),
     ("您的 Amazon 账户已停用 Seller Central", "zh"), ("", "und")],
)  # fmt: skip
def test_a_language_is_recognised(text, code):
    assert language(text) == code


def test_a_members_words_through_the_relay_are_no_warning(model):
    said = one(
        model,
        a_mail("Inquiry", "Refund me or I report you and your store will be banned!", "abc@marketplace.amazon.com"),
    )
    assert not said.warning


def test_the_probability_below_the_review_threshold_is_ordinary_and_above_it_is_kept(model):
    low = replace(model, thresholds=replace(model.thresholds, warning=0.999999, review=0.0))
    said = one(low, a_mail("Sold", ORDER, "seller-notification@amazon.com"))
    assert said.needs_review
    assert not said.warning


def test_a_platforms_mail_without_text_is_looked_at_with_the_reason(model):
    for line in make.EXPECTED_FILE.read_text(encoding="utf-8").splitlines():
        expected = json.loads(line)
        if "review" not in expected:
            continue
        mail = reading.read((make.FOLDER / f"{expected['mail']}.eml").read_bytes())
        assert isinstance(mail, Mail)
        said = one(model, mail)
        assert said.needs_review, expected["mail"]
        assert expected["review"] in said.review_reason


def test_an_answer_that_names_no_cause_has_that_of_the_thread_it_quotes(model):
    text = (
        "Thank you for your submission. We have reviewed your appeal and decided not to reinstate your account.\n\n"
        "On Fri, Nov 20, 2026 at 8:30 AM Amazon <notice@amazon.com> wrote:\n\n> Your order defect rate of 2.4% is above our target of 1%. "
        "Please send a plan to improve your seller performance metrics.\n> Late shipment rate 6%."
    )
    said = one(model, a_mail("Re: Your Amazon selling account", text, "notice@amazon.com"))
    assert said.warning
    assert said.cause is Cause.PERFORMANCE


def test_a_colleagues_answer_is_judged_by_its_own_words_not_by_what_it_quotes(model):
    quoted = "\n".join(f"> {line}" for line in SUSPENSION.splitlines())
    text = f"Thanks Li, I will call the supplier tomorrow and send you the papers by mail.\n\nOn Fri, Nov 20, 2026 at 8:30 AM Li <li@shop.example> wrote:\n\n{quoted}"
    said = one(model, a_mail("Re: papers", text, "chen@shop.example"))
    assert not said.warning


@pytest.mark.parametrize(
    ("text", "code"),
    [("Account suspended", "en"), ("Policy Warning", "en"), ("Konto gesperrt", "de"), ("Maßnahme erforderlich", "de"), ("Compte suspendu", "fr"), ("Cuenta suspendida", "es"),
     ("Account sospeso", "it"), ("账户停用", "zh"), ("出品停止のお知らせ", "ja"), ("アカウント停止", "ja"), ("계정 정지", "ko"), ("您的Listing已被移除", "zh"),
     ("Policy Warning: 您的商品因侵权被移除,请在 Seller Central 中申诉", "zh"), ("看下 Your account has been suspended because of complaints about authenticity of items", "en"),
     ("Ihr Amazon Seller Account wurde deaktiviert", "de"), ("Аккаунт заблокирован", "ru"), ("บัญชีถูกระงับ", "th"), ("Konto zostało zawieszone", "pl"),
     ("Sua conta foi suspensa", "pt"), ("Hesabınız askıya alındı", "tr"), ("Ditt konto har stängts av", "sv"), ("Uw account is geschorst", "nl")],
)  # fmt: skip
def test_a_language_is_recognised_in_short_and_mixed_texts(text, code):
    assert language(text) == code


def test_a_greeting_with_a_colon_labels_no_store(model):
    mail = a_mail(
        "需要采取行动",
        "尊敬的卖家:\n\n为遵守相关法规,请在10个工作日内上传营业执照\n店铺名称:Brightfield Outdoor",
        "x@amazon.com",
    )
    assert store_name(mail, about(mail)) == "Brightfield Outdoor"


def test_no_term_of_the_lexicon_is_found_wherever_a_number_stands():
    terms = [term.strip() for file in lexicon._FILES for _, term in lexicon._terms(file)]

    assert len(terms) > 5000
    assert [term for term in terms if not any(character.isalpha() for character in term) and term != ">"] == []


def test_words_are_found_inside_others_in_any_script_by_where_they_end():
    finder = Finder({"listing": 1, "list": 2, "侵权": 3})

    assert finder.found("a listing: 侵权") == [(2, 6, 2), (2, 9, 1), (11, 13, 3)]
