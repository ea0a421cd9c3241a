"""Each service gets its own form and length, and a stranger's words stay words in all of them."""

import html

import pytest
from markdown_it import MarkdownIt

from tests.conftest import NOW, a_raw
from triage.alerts import fit
from triage.alerts.fit import Form, fitted, form_of
from triage.alerts.targets import shown
from triage.alerts.text import Part, Text
from triage.config import Target
from triage.rendering import preview

NASTY = "Pay <b>now</b> *x* _y_ `c` [log in](http://evil.example) ![p](http://evil.example/p.png) <!channel> <@U1> @everyone & |t|"
TEXT = Text(
    f"[New] {NASTY}",
    (
        Part((f"shop {NASTY}",), "Store: "),
        Part(("2026-11-26 12:00 UTC",), "Answer by: ", spare=0),
        Part(tuple(f"step {n} {NASTY}" for n in range(1, 4)), "Next steps: ", "numbers", spare=5),
        Part((NASTY,), "Findings:", "bullets", spare=4),
        Part(("https://triage.example/ack/x",), "Acknowledge: ", link="https://triage.example/ack/x", spare=1),
    ),
)
URLS = {
    "wecombot": "wecombot://botkey1234567890123456789012345678901234",
    "dingtalk": "dingtalk://" + "a" * 64,
    "feishu": "feishu://12345678-abcd-1234-abcd-123456789012",
    "lark": "lark://12345678-abcd-1234-abcd-123456789012",
    "telegram": "tgram://123456789:" + "a" * 35 + "/12345",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "teams": "workflows://host:443/workflow/signature",
    "ntfy": "ntfy://topic",
    "mail": "mailto://u:p@example.com",
    "pushover": "pover://" + "u" * 30 + "@" + "a" * 30,
    "gotify": "gotify://h/t",
    "mattermost": "mmosts://h/" + "a" * 26,
    "bark": "bark://h/k",
}


def of(service):
    return shown(Target(name="t", type="apprise", url=URLS[service]), TEXT)


@pytest.mark.parametrize("form", ["markdown"])
def test_in_markdown_no_word_of_a_stranger_makes_a_tag_a_link_or_an_image(form):
    page = MarkdownIt().render(fitted(TEXT, Form(form=form, title="inside")).body)
    assert "<img" not in page
    assert "<em>" not in page
    assert "<code>" not in page
    assert page.count("<a ") == 1  # ours
    assert 'href="https://triage.example/ack/x"' in page
    assert page.count("<strong>") == 5  # the title and four labels; the link is its own
    assert page.count("<li>") == 4
    assert "<b>now" not in page


def test_in_html_everything_of_a_stranger_is_escaped():
    body = fitted(TEXT, Form(form="html")).body
    assert html.escape(NASTY).replace("@everyone", "@\u200beveryone") in body
    assert "<b>now" not in body
    assert body.count("<a ") == 1


def test_a_robot_without_escapes_gets_full_width_twins():
    body = of("dingtalk").body
    assert "](" not in body.replace("](https://triage.example", "")
    assert "［log in］(http://evil.example)" in body
    assert of("dingtalk").title.startswith("［New］ Pay ＜b＞now＜/b＞")


def test_in_plain_text_nothing_is_added_but_a_call_to_everybody_is_broken():
    body = of("wecombot").body
    assert "@everyone" not in body
    assert "@\u200beveryone" in body
    assert "\\" not in body


@pytest.mark.parametrize("service", sorted(URLS))
def test_every_service_gets_the_deadline_and_no_more_than_it_takes(service):
    long = Text(
        TEXT.title,
        tuple(TEXT.parts) + (Part(tuple("很长的一行 " * 30 for _ in range(60)), "More: ", "bullets", spare=9),),
    )
    message = shown(Target(name="t", type="apprise", url=URLS[service]), long)
    size = len(message.body.encode()) if message.form.unit == "bytes" else len(message.body)
    assert size <= message.form.limit
    assert "2026-11-26 12:00 UTC" in message.body.replace("\\", "")
    assert bool(message.title) != (message.form.title == "inside")


def test_the_least_important_goes_first_and_the_deadline_never():
    gone = []
    before = fitted(TEXT, Form(limit=10_000)).body
    for limit in range(len(before), 36, -20):
        body = fitted(TEXT, Form(limit=limit)).body
        assert len(body) <= limit
        gone += [
            name for name in ("Next steps", "Findings", "Store", "Acknowledge") if name not in body and name not in gone
        ]
        assert "Answer by" in body
    assert gone == ["Next steps", "Findings", "Store", "Acknowledge"]


def test_a_line_that_alone_is_too_long_is_cut_at_a_character():
    body = fitted(Text("t", (Part(("很" * 100,), spare=0),)), Form(limit=50, unit="bytes")).body
    assert len(body.encode()) <= 50
    assert body.endswith("…")


def test_a_service_of_which_nothing_is_known_gets_plain_text_of_its_length():
    assert form_of(("nobody",), 777) == Form(limit=777)


def test_the_table_of_forms_is_read_whole():
    assert set(fit._forms()) >= {
        "wecombot",
        "dingtalk",
        "feishu",
        "lark",
        "tgram",
        "slack",
        "discord",
        "workflows",
        "ntfy",
        "mailto",
    }


def test_a_preview_shows_what_a_target_would_get(take, db, settings):
    take(a_raw())
    target = Target(name="chat", type="apprise", url=URLS["telegram"], language="zh")
    message = shown(target, preview(db, 1, target, settings, NOW))
    assert message.form.form == "html"
    assert message.body.startswith("<b>[新案件] Amazon shop")
    assert "剩余 3 天" in message.body
