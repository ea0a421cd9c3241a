"""The case board over HTTP, as a browser without JavaScript sees it: pages, actions, who may what, what is refused."""

import html
import json
import re
import signal
import string
import subprocess
import sys
import tomllib
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

import triage
from tests.conftest import NOW, ORDER, a_raw
from triage import actions, answering
from triage.advice.drafts import Letter
from triage.alerts import troubles
from triage.cases import history, queries
from triage.cli import app
from triage.config import Web
from triage.errors import UsageError
from triage.labels import Cause, Status
from triage.people import sessions, tokens, users
from triage.people.users import Role
from triage.store.moments import stored
from triage.types import Evidence
from triage.web import acting, letter, review, saying, system
from triage.web.marking import Piece, marked
from triage.web.server import serve
from triage.web.visit import Pages

PASSWORD = "correct horse battery"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}{% raw %}"


class Visitor:
    """Somebody with a browser that keeps cookies and knows no JavaScript."""

    def __init__(self, address, name="", language="en"):
        self.address, self.web = address, requests.Session()
        self.web.headers["Accept-Language"] = language
        if name:
            answer = self.send("/sign-in", name=name, password=PASSWORD)
            assert answer.status_code == 200, answer.text

    def get(self, path, **headers):
        return self.web.get(self.address + path, headers=headers, timeout=20)

    def send(self, path, page="/sign-in", **fields):
        """A form of a page, as that page made it: with its key and the last event it knew."""
        shown = self.get(page).text
        hidden = {name: re.search(f'name="{name}" value="([^"]*)"', shown) for name in ("key", "seen")}
        form = {name: found[1] for name, found in hidden.items() if found} | fields
        return self.web.post(self.address + path, data=form, timeout=20)

    def act(self, case, action, **fields):
        return self.send(f"/cases/{case}/{action}", page=f"/cases/{case}", **fields)


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def address(db, settings, clock):
    serving = serve(
        settings.model_copy(update={"web": Web(listen="127.0.0.1:0", board=True)}), lambda: clock[0], lambda: True
    )
    yield f"http://127.0.0.1:{serving.address[1]}"
    serving.stop()


@pytest.fixture(scope="session")
def hashed():
    """One password for all: hashing is slow on purpose."""
    return users._hashed(PASSWORD)


@pytest.fixture
def visit(db, address, hashed, monkeypatch):
    monkeypatch.setattr(users, "_hashed", lambda password: hashed)
    for name, role in (("chen", Role.ADMIN), ("li", Role.ACT), ("guest", Role.VIEW)):
        users.add(db, name, PASSWORD, role, now=NOW)
    monkeypatch.undo()
    return lambda name="li", **more: Visitor(address, name, **more)


@pytest.fixture
def cases(take):
    take(a_raw())
    take(
        a_raw(
            "Notice of intellectual property infringement on your listing B0ABCDEFGH",
            "A rights owner reported trademark infringement. We removed your listing B0ABCDEFGH. Complaint ID: 1234567890",
        )
    )
    return [1, 2]


# ---- pages ------------------------------------------------------------------------------------------------------

PAGES = ["/", "/cases/1", "/cases/1/draft", "/review", "/stores", "/search?q=authenticity", "/calendar", "/report", "/system"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_there_in_both_languages_and_guarded(visit, cases, path, language):
    answer = visit(language=language).get(path)
    assert answer.status_code == 200
    assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|style=", answer.text)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    others = re.findall(r'(?:src|href|action)="(?!/|#)([^"]*)"', answer.text)
    assert others == []


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_database_is_said_in_words(visit, path):
    answer = visit().get(path)
    assert answer.status_code == (404 if path.startswith("/cases") else 200)
    if path == "/":
        assert "Nothing burns" in answer.text


def test_the_board_shows_the_most_urgent_first_and_filters_by_the_address(visit, cases):
    page = visit().get("/").text
    assert [int(n) for n in re.findall(r'id="case-(\d+)"', page)] == [1, 2]
    assert "account suspended" in page
    found = visit().get("/?cause=ip_infringement").text
    assert re.findall(r'id="case-(\d+)"', found) == ["2"]
    assert 'value="ip_infringement" selected' in found
    assert "No case fits" in visit().get("/?stage=appeal_denied&platform=amazon&owner=me").text
    assert re.findall(r'id="case-(\d+)"', visit().get("/?cause=nonsense").text) == ["1", "2"]


def test_to_one_that_asks_for_news_nothing_is_sent_until_there_is_some(visit, cases, db):
    browser = visit()
    seen = re.search(r'"X-Seen": "([^"]*)"', html.unescape(browser.get("/").text))[1]
    assert browser.get("/", **{"X-Seen": seen, "HX-Request": "true"}).status_code == 204
    actions.note(db, 1, "called them", by="chen", now=NOW)
    assert browser.get("/", **{"X-Seen": seen, "HX-Request": "true"}).status_code == 200


def test_a_case_shows_what_to_do_the_mail_with_its_deciding_words_and_the_history(visit, cases):
    page = html.unescape(visit().get("/cases/1").text)
    for words in ("Next steps", "Evidence to gather", "<mark>", "the case was opened", "I take care of it"):
        assert words in page, words


def test_somebody_who_may_only_read_has_no_buttons_and_can_do_nothing(visit, cases, db):
    guest = visit("guest")
    page = guest.get("/cases/1").text
    assert "I take care of it" not in page
    assert "<textarea" not in page
    refused = guest.act(1, "acknowledge")
    assert refused.status_code == 403
    assert "who may read" in refused.text
    assert queries.get(db, 1).status is Status.OPEN


# ---- actions ----------------------------------------------------------------------------------------------------


def test_every_action_of_a_case_is_in_its_history_under_the_visitors_name_and_can_be_taken_back(visit, cases, db):
    li = visit()
    before = queries.get(db, 1)
    for action, fields, kind in [
        ("acknowledge", {}, "acknowledged"),
        ("assign", {"to": "chen"}, "assigned"),
        ("status", {"status": "preparing", "note": "invoices asked for"}, "status"),
        ("note", {"text": "called\r\nthe supplier"}, "note"),
        ("snooze", {"seconds": "14400"}, "snoozed"),
        ("tick", {"item": "evidence.invoices"}, "ticked"),
        ("correct", {"cause": "kyc", "stage": "restricted"}, "corrected"),
        ("close", {"note": "done"}, "closed"),
    ]:
        answer = li.act(1, action, **fields)
        assert answer.status_code == 200, (action, answer.text)
        last = history.of_case(db, 1)[-1]
        assert (last.kind, last.by) == (kind, "li")
        assert 'role="status"' in answer.text
        assert li.act(1, "undo").status_code == 200
        assert history.of_case(db, 1)[-1].detail["undid"] == kind
    after = queries.get(db, 1)
    assert (after.status, after.assignee, after.cause, after.snoozed_until) == (
        before.status, before.assignee, before.cause, before.snoozed_until,
    )  # fmt: skip


def test_cases_are_merged_and_split(visit, take, db):
    take(a_raw(), a_raw("Order 114 complaint", "We removed your listing B0ABCDEFGH after a trademark infringement report.", sent_at=NOW))  # fmt: skip
    li = visit()
    assert li.act(1, "merge", other="#2").status_code == 200
    assert queries.get(db, 2).merged_into == 1
    [*_, second] = [row["id"] for row in db.query("SELECT id FROM messages WHERE case_id = 1 ORDER BY id")]
    answer = li.act(1, "split", mails=str(second))
    assert answer.url.split("?")[0].endswith("/cases/3")
    assert "A case of its own was made" in answer.text


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("status", {"status": "acknowledged"}), ("status", {"status": "nonsense"}), ("status", {}),
        ("correct", {"cause": "nonsense"}), ("correct", {}), ("snooze", {"seconds": "x"}), ("snooze", {"seconds": "9" * 8}),
        ("merge", {"other": "99"}), ("merge", {"other": "1; DROP TABLE cases"}), ("merge", {"other": "1"}),
        ("split", {"mails": "77"}), ("split", {"mails": "../../etc"}), ("split", {}), ("tick", {"item": "nonsense"}),
        ("note", {"text": "  "}), ("note", {"text": "x" * 20_001}), ("believe", {}), ("undo", {}),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_changes_nothing(visit, cases, db, action, fields):
    before = db.execute("SELECT count(*) FROM case_events").fetchone()
    answer = visit().act(1, action, **fields)
    assert answer.status_code == 400
    assert "That cannot be done" in answer.text
    assert "triage " not in re.search(r'<p role="status">([^<]*)', answer.text)[1]  # no command: a page has none
    assert db.execute("SELECT count(*) FROM case_events").fetchone() == before


def test_why_something_cannot_be_done_is_said_in_the_readers_language(visit, cases, db):
    actions.close(db, 1, by="chen", now=NOW)
    li = visit(language="zh")
    assert "案件已结束（已关闭）" in li.act(1, "assign", to="li").text
    assert "没有案件 99。" in li.act(1, "merge", other="99").text
    keys = {key.removeprefix("cannot_") for key in saying.words()["en"] if key.startswith("cannot_")}
    code = "".join(path.read_text(encoding="utf-8") for path in Path(triage.__file__).parent.rglob("*.py"))
    raised = set(re.findall(r'UsageError\((?:[^()]|\([^()]*\))*?, ?\s*"([a-z_]+)"[,)\s]', code))
    assert raised == keys


def test_of_two_who_change_a_case_the_second_is_told_and_loses_nothing(visit, cases, db):
    li, chen = visit("li"), visit("chen")
    page = li.get("/cases/1").text
    form = {name: re.search(f'name="{name}" value="([^"]*)"', page)[1] for name in ("key", "seen")}
    assert chen.act(1, "status", status="submitted").status_code == 200
    note = "our answer " * 30
    answer = li.web.post(li.address + "/cases/1/status", data={**form, "status": "waiting", "note": note}, timeout=20)
    assert answer.status_code == 409
    assert "Somebody was faster" in answer.text
    assert "submitted" in answer.text
    assert note.strip() in html.unescape(answer.text)
    assert queries.get(db, 1).status is Status.SUBMITTED
    again = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', answer.text.split("What you wanted")[1])}  # fmt: skip
    done = li.web.post(li.address + "/cases/1/status", data={**again, "note": note}, timeout=20)
    assert done.status_code == 200
    assert queries.get(db, 1).status is Status.WAITING
    assert history.of_case(db, 1)[-1].detail["note"] == note.strip()


def test_a_note_is_added_whatever_others_did_meanwhile(visit, cases, db):
    li, chen = visit("li"), visit("chen")
    page = li.get("/cases/1").text
    form = {name: re.search(f'name="{name}" value="([^"]*)"', page)[1] for name in ("key", "seen")}
    chen.act(1, "acknowledge")
    assert li.web.post(li.address + "/cases/1/note", data={**form, "text": "hello"}, timeout=20).status_code == 200


def test_a_case_that_vanished_is_said(visit, cases):
    answer = visit().get("/cases/99")
    assert answer.status_code == 404
    assert "There is no case 99." in answer.text
    assert "没有案件 99。" in visit(language="zh").get("/cases/99").text
    assert visit().send("/cases/99/note", page="/cases/1", text="x").status_code == 404


# ---- review -----------------------------------------------------------------------------------------------------


def test_the_review_queue_takes_an_answer_skips_and_takes_back(visit, cases, db):
    db.execute("UPDATE cases SET needs_review = 1")
    db.execute("UPDATE messages SET decision = json_set(decision, '$.needs_review', json('true'))")
    db.conn.commit()
    li = visit()
    page = li.get("/review").text
    assert "2 to review" in page
    for key in ("y", "n", "k", "1", "g"):
        assert f'data-key="{key}"' in page
    skipped = li.get(html.unescape(re.search(r'href="(/review\?skip=[^"]*)"', page)[1])).text
    assert 'action="/review/2"' in skipped
    answered = li.send("/review/1", page="/review?case=1", cause="kyc")
    assert "1 to review" in answered.text
    assert (queries.get(db, 1).cause, queries.get(db, 1).needs_review) == (Cause.KYC, False)
    assert [row["source"] for row in db.query("SELECT source FROM corrections")] == ["review"]
    back = li.send("/review/1/undo", page="/review?last=1")
    assert "2 to review" in back.text
    assert 'action="/review/1"' in back.text
    assert queries.get(db, 1).cause is Cause.AUTHENTICITY


# ---- the letter -------------------------------------------------------------------------------------------------


def test_a_letter_is_written_kept_previewed_and_downloaded(visit, cases, db):
    li = visit()
    page = li.get("/cases/1/draft").text
    assert "[[" in page
    shown = li.send(
        "/cases/1/draft", page="/cases/1/draft", letter="plan", language="en", preview="1", text="# Dear\n\n<b>x</b>"
    )
    assert "&lt;b&gt;x&lt;/b&gt;" in shown.text
    assert answering.kept(db, 1, Letter.PLAN) is None
    base = re.search(r'name="base" value="([^"]*)"', page)[1]
    li.send(
        "/cases/1/draft", page="/cases/1/draft", letter="plan", language="en", base=base, text="# Ours\n\nIt is mended."
    )
    assert answering.kept(db, 1, Letter.PLAN).text == "# Ours\n\nIt is mended."
    assert "It is mended." in li.get("/cases/1/draft").text
    word = li.get("/cases/1/draft.docx?letter=plan")
    assert word.content[:2] == b"PK"
    assert 'filename="case-1-plan.docx"' in word.headers["Content-Disposition"]
    actions.undo(db, 1, by="li", now=NOW)
    assert answering.kept(db, 1, Letter.PLAN) is None


def test_of_two_who_write_a_letter_the_second_sees_both(visit, cases, db):
    li, chen = visit("li"), visit("chen")
    chen.send("/cases/1/draft", page="/cases/1/draft", letter="plan", language="en", base="", text="chen's text")
    answer = li.send("/cases/1/draft", page="/cases/1/draft", letter="plan", language="en", base="", text="li's text")
    assert answer.status_code == 409
    assert "chen's text" in html.unescape(answer.text)
    assert "li's text" in html.unescape(answer.text)
    assert answering.kept(db, 1, Letter.PLAN).by == "chen"


@pytest.mark.parametrize("fields", [{"letter": "nonsense"}, {"letter": "plan", "language": "xx"}, {"letter": "plan", "text": "x" * 100_001}])  # fmt: skip
def test_a_letter_that_cannot_be_kept_is_refused(visit, cases, db, fields):
    answer = visit().send("/cases/1/draft", page="/cases/1/draft", **{"text": "x", **fields})
    assert answer.status_code == 400
    assert answering.kept(db, 1, Letter.PLAN) is None


# ---- looking something up ---------------------------------------------------------------------------------------


def test_a_search_finds_mails_and_a_number_leads_to_its_case(visit, cases):
    li = visit()
    page = li.get("/search?q=trademark").text
    assert "1 found" in page
    assert re.search(r"<mark>trademark</mark>", page, re.IGNORECASE)
    assert li.get("/search?q=%232").url.endswith("/cases/2")
    assert "Nothing found for: zebra" in li.get("/search?q=zebra").text
    assert "Give at least one word" in li.get("/search?q=%22").text


def test_a_store_has_its_cases_and_its_history(visit, cases):
    li = visit()
    link = re.search(r'href="(/store\?[^"]*)"', li.get("/stores").text)[1]
    assert 'id="case-1"' in li.get(html.unescape(link)).text
    assert li.get("/store?account=x&name=y&platform=z").status_code == 404


def test_the_calendar_and_the_report_are_files_too(visit, cases):
    li = visit()
    assert "BEGIN:VCALENDAR" in li.get("/calendar.ics").text
    report = li.get("/report.html?period=month")
    assert report.text.startswith("<!doctype html>")
    assert "script-src" not in report.headers["Content-Security-Policy"]
    assert "default-src 'none'" in report.headers["Content-Security-Policy"]


# ---- signing in -------------------------------------------------------------------------------------------------


def test_nobody_sees_anything_without_signing_in_and_comes_to_where_he_wanted(visit, address, cases):
    stranger = Visitor(address)
    for path in PAGES:
        assert stranger.get(path).url.startswith(f"{address}/sign-in"), path
        assert "brightfield" not in stranger.get(path).text
    back = re.search(r'name="next" value="([^"]*)"', stranger.get("/cases/2?x=1").text)[1]
    assert html.unescape(back) == "/cases/2?x=1"
    assert stranger.send("/sign-in", name="LI", password=PASSWORD, next="/cases/2").url == f"{address}/cases/2"


@pytest.mark.parametrize("next", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=1"])  # fmt: skip
def test_a_sign_in_leads_nowhere_else(visit, address, next):
    answer = Visitor(address).send("/sign-in", name="li", password=PASSWORD, next=next)
    assert answer.url == f"{address}/"
    assert "x" not in answer.cookies


def test_a_wrong_password_and_an_unknown_name_look_alike_and_too_many_wait(visit, address, monkeypatch):
    monkeypatch.setattr(users, "authenticated", lambda db, name, password: None)
    stranger = Visitor(address)
    answers = [stranger.send("/sign-in", name=name, password="wrong wrong") for name in ("li", "nobody")]
    assert {(a.status_code, re.search('role="alert">([^<]*)', a.text)[1]) for a in answers} == {
        (403, "Name or password is not right.")
    }
    for _ in range(6):
        stranger.send("/sign-in", name="li", password="wrong wrong")
    answer = stranger.send("/sign-in", name="li", password="wrong wrong")
    assert answer.status_code == 429
    assert "Try again in 10 minutes" in answer.text


def test_a_session_ends_by_signing_out_by_time_and_by_another_password(visit, db, clock, hashed, monkeypatch):
    li = visit()
    stolen = requests.Session()
    stolen.cookies.update(li.web.cookies)
    cookie = next(iter(li.web.cookies))
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"
    li.send("/sign-out", page="/")
    assert stolen.get(li.address + "/", timeout=20).url.endswith("/sign-in")
    li = visit()
    clock[0] = NOW + sessions.IDLE + timedelta(seconds=1)
    assert li.get("/").url.endswith("/sign-in")
    clock[0] = NOW
    li = visit()
    monkeypatch.setattr(users, "_hashed", lambda password: hashed)
    users.change(db, "li", password="another one here")
    assert li.get("/").url.endswith("/sign-in")


def test_only_digests_are_kept(visit, db):
    li = visit()
    secret = tokens.add(db, "erp", Role.VIEW, by="chen", now=NOW)
    everything = "\n".join(db.conn.iterdump())
    assert PASSWORD not in everything
    assert secret not in everything
    assert next(iter(li.web.cookies)).value not in everything
    assert tokens.of(db, secret, NOW).name == "erp"
    assert tokens.of(db, secret + "x", NOW) is None


# ---- what is refused --------------------------------------------------------------------------------------------


@pytest.fixture
def apart(visit, cases, db):
    """Case 2 is of an account that li does not see."""
    db.conn.execute("UPDATE cases SET account = 'elsewhere', title = 'Private notice', needs_review = 1 WHERE id = 2")
    db.conn.execute("UPDATE messages SET account = 'elsewhere', subject = 'Private notice' WHERE case_id = 2")
    db.conn.commit()
    users.restrict(db, "li", frozenset({"shop"}))
    return visit


@pytest.mark.parametrize(
    "path",
    [
        "/", "/?ended=1", "/?platform=amazon", "/stores", "/search?q=infringement", "/calendar", "/calendar.ics", "/report?period=month",
        "/report.html?period=month", "/review", "/review?case=2", "/system", "/cases/1",
    ],
)  # fmt: skip
def test_nobody_sees_a_case_of_an_account_of_others(apart, path):
    seen, hidden = apart("chen").get(path), apart("li").get(path)
    assert hidden.status_code == seen.status_code == 200
    for word in ("Private notice", "elsewhere", "B0ABCDEFGH", "/cases/2", "case-2-"):
        assert word not in hidden.text, word


def test_what_is_kept_for_one_who_sees_all_is_not_shown_to_another(apart):
    chen, li = apart("chen"), apart("li")
    assert "Private notice" in chen.get("/").text
    assert "Private notice" not in li.get("/").text
    assert "Private notice" in chen.get("/").text


@pytest.mark.parametrize(
    "path",
    ["/cases/2", "/cases/2/draft", "/cases/2/draft.docx", "/store?account=elsewhere&name=elsewhere&platform=amazon"],
)
def test_the_case_of_others_is_as_if_it_were_not(apart, path):
    assert apart("chen").get(path).status_code == 200
    li = apart("li")
    answer = li.get(path)
    assert answer.status_code == 404
    assert answer.text.replace("2", "9") == li.get(path.replace("2", "9").replace("elsewhere", "nowhere")).text.replace(
        "2", "9"
    )


def test_nothing_can_be_done_to_a_case_of_others(apart, db, settings):
    li = apart("li")
    before = "\n".join(db.conn.iterdump())
    ways = [route.path.replace("{id}", "2") for module in (acting, letter, review)
            for route in module.routes(Pages(settings, lambda: NOW)) if "POST" in (route.methods or ())]  # fmt: skip
    assert len(ways) == 16
    for path in ways:
        fields = {
            "to": "li",
            "cause": "other",
            "text": "x",
            "item": "x",
            "other": "1",
            "status": "won",
            "seconds": "60",
            "seen": "99",
        }
        assert li.send(path, page="/", **fields).status_code == 404, path
    refused = li.act(1, "merge", other=2)
    assert (refused.status_code, "There is no case 2" in refused.text) == (400, True)
    assert li.act(1, "merge", other=99).text.replace("99", "2") == refused.text
    assert "\n".join(db.conn.iterdump()) == before


def test_script_in_every_field_of_a_mail_stays_text(visit, take, db):
    take(
        a_raw(
            f"Your seller account is suspended {EVIL}",
            "Your seller account has been suspended because of complaints about the authenticity of your items. Please send "
            f"invoices within 72 hours. Funds are on hold.\nCase ID: 16744219803\nStore name: {EVIL}\n{EVIL}",
            sender=f'"{EVIL[:20]}" <seller-performance@amazon.com>',
        )
    )
    li = visit()
    actions.note(db, 1, EVIL, by=EVIL[:50], now=NOW)
    actions.assign(db, 1, EVIL[:50], by="chen", now=NOW)
    for path in (
        "/",
        "/cases/1",
        "/review?case=1",
        "/stores",
        "/search?q=suspended",
        "/calendar",
        "/report",
        "/cases/1/draft",
    ):
        page = li.get(path).text
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
        assert "49" not in re.findall(r"\{\{7\*7\}\}|\b49\b", page), path
        assert not re.search(r"=\"[^\"]*\"\s*onerror", page), path


@pytest.mark.parametrize("key", ["", "0" * 64])
def test_a_forged_request_changes_nothing(visit, cases, db, key):
    li = visit()
    answer = li.web.post(li.address + "/cases/1/acknowledge", data={"key": key, "seen": "999999"}, timeout=20)
    assert answer.status_code == 403
    assert "This form is too old" in answer.text
    real = re.search('name="key" value="([^"]*)"', li.get("/cases/1").text)[1]
    from_elsewhere = li.web.post(
        li.address + "/cases/1/acknowledge",
        data={"key": real, "seen": "999999"},
        headers={"Sec-Fetch-Site": "cross-site"},
        timeout=20,
    )
    assert from_elsewhere.status_code == 403
    chen = visit("chen")
    theirs = chen.web.post(chen.address + "/cases/1/acknowledge", data={"key": real, "seen": "999999"}, timeout=20)
    assert theirs.status_code == 403
    assert queries.get(db, 1).status is Status.OPEN


@pytest.mark.parametrize(
    "path",
    ["/static/../visit.py", "/static/..%2fvisit.py", "/static/%2e%2e/%2e%2e/pyproject.toml", "/cases/../../etc/passwd", "/cases/-1",
     "/cases/1e9", "/cases/9999999999999999999999", "/cases/1%00", "/store?name=..%2f..%2fetc", "/cases/1/draft.docx?letter=../../x"],
)  # fmt: skip
def test_no_address_leads_out_or_breaks_anything(visit, cases, path):
    li = visit()
    request = requests.Request("GET", li.address + path, cookies=li.web.cookies).prepare()
    request.url = li.address + path  # as it is, not tidied up
    answer = li.web.send(request, timeout=20)
    assert answer.status_code in {400, 404}
    assert "import" not in answer.text
    assert "Traceback" not in answer.text


def test_a_huge_form_an_upload_and_another_hosts_name_are_refused(visit, cases, db):
    li = visit()
    key = re.search('name="key" value="([^"]*)"', li.get("/cases/1").text)[1]
    huge = li.web.post(li.address + "/cases/1/note", data={"key": key, "text": "x" * 500_000}, timeout=20)
    assert huge.status_code == 413
    assert "too large" in huge.text
    upload = li.web.post(
        li.address + "/cases/1/note",
        data={"key": key},
        files={"text": ("x.zip", b"PK\x03\x04" + b"0" * 1000)},
        timeout=20,
    )
    assert upload.status_code == 400
    many = li.web.post(
        li.address + "/cases/1/note", data={"key": key, **{f"f{n}": "1" for n in range(500)}}, timeout=20
    )
    assert many.status_code == 400
    assert li.get("/", Host="evil.example").status_code == 400
    assert [event.kind for event in history.of_case(db, 1)] == ["opened"]


def test_a_header_cannot_be_smuggled_into_an_answer(visit, cases):
    answer = visit().send("/language", page="/", language="zh\r\nX-Evil: 1", next="/\r\nX-Evil: 1")
    assert all("X-Evil" not in each.headers for each in (answer, *answer.history))


def test_a_fault_of_ours_is_a_page_too(visit, cases, monkeypatch):
    li = visit()
    monkeypatch.setattr(system, "health", lambda *a, **b: 1 / 0)
    answer = li.get("/system")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "ZeroDivision" not in answer.text


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", ["The disk is almost full: 7 MB free", "shop: no mail for 30 hours", "New <a href=\"/cases/1\">#1</a>", "waits, ", "given up, ", "it hung up"]),
        ("zh", ["磁盘空间即将用尽：剩余 7 MB", "shop：已 30 小时没有新邮件", "等待发送, ", "已放弃, ", "it hung up"]),
    ],
)  # fmt: skip
def test_the_state_of_the_service_tells_troubles_and_what_is_on_its_way(visit, cases, db, language, says):
    troubles.begin(db, "disk", "disk_low", {"free_mb": 7, "path": "/", "limit_mb": 100}, NOW)
    troubles.begin(db, "silence:shop", "mailbox_silent", {"account": "shop", "hours": 30, "last": "x"}, NOW)
    troubles.begin(db, "silence:b", "mailbox_silent", {"account": "elsewhere", "hours": 31, "last": "x"}, NOW)
    db.execute(
        "UPDATE alerts SET gave_up_at = ?, last_error = 'it hung up', attempts = 9 WHERE case_id = 2", [stored(NOW)]
    )
    db.conn.commit()
    page = visit("chen", language=language).get("/system").text
    for words in says:
        assert words in page, words
    assert "elsewhere" in page
    users.restrict(db, "li", frozenset({"shop"}))
    assert "elsewhere" not in visit(language=language).get("/system").text
    db.execute("DELETE FROM alerts")
    db.conn.commit()
    assert {"en": "None: all were delivered.", "zh": "没有：全部已送达。"}[language] in visit(language=language).get(
        "/system"
    ).text


# ---- users ------------------------------------------------------------------------------------------------------


def test_users_have_names_passwords_and_roles(db):
    users.add(db, "  Chen   Wei ", PASSWORD, Role.ADMIN, now=NOW)
    assert [(user.name, user.role) for user in users.listed(db)] == [("Chen Wei", Role.ADMIN)]
    assert users.authenticated(db, "chen wei", PASSWORD).name == "Chen Wei"
    assert users.authenticated(db, "chen wei", PASSWORD + "x") is None
    assert users.authenticated(db, "nobody", PASSWORD) is None
    for name, password, says in (("chen wei", PASSWORD, "already"), ("x", "short", "at least 10"), ("", PASSWORD, "printable"), ("a\x00", PASSWORD, "printable")):  # fmt: skip
        with pytest.raises(UsageError, match=says):
            users.add(db, name, password, Role.VIEW, now=NOW)
    for change in (lambda: users.remove(db, "chen wei"), lambda: users.change(db, "Chen Wei", role=Role.VIEW)):
        with pytest.raises(UsageError, match="only admin"):
            change()


# ---- words ------------------------------------------------------------------------------------------------------


def test_every_word_is_there_in_both_languages_with_the_same_blanks():
    english, chinese = (saying.words()[language] for language in saying.LANGUAGES)
    assert set(english) == set(chinese)
    for key in english:
        blanks = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (english[key], chinese[key])]  # fmt: skip
        assert blanks[0] == blanks[1], key
        said = re.sub(r"\{\w+\}|\W|\d", "", english[key])
        if said and key not in {"triage_itself", "other_language", "other_language_code"}:
            assert re.search(r"[\u4e00-\u9fff]", chinese[key]), key
            assert not re.search(r"[\u4e00-\u9fff]", english[key]), key


def test_no_page_says_anything_that_is_not_among_the_words_and_every_word_is_said():
    pages = {p.name: p.read_text(encoding="utf-8") for p in files("triage.web").joinpath("pages").iterdir() if p.name != "acknowledge.html"}  # fmt: skip
    for name, text in pages.items():
        bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
        bare = re.sub(r"<[^>]*>", " ", bare)
        assert set(re.findall(r"[A-Za-z\u4e00-\u9fff]{2,}", bare)) <= {"Triage", "MB", "doctype", "html"}, name
    code = "\n".join(
        [
            *pages.values(),
            *(p.read_text(encoding="utf-8") for p in files("triage.web").iterdir() if p.name.endswith(".py")),
        ]
    )
    prefixes = ("cannot_", "event_", "done_", "urgency_", "role_", "report_", "kind_", "letter_", "queued_", "hour", "day", "week")
    for key in tomllib.loads(files("triage.web").joinpath("words.toml").read_text(encoding="utf-8"))["en"]:
        assert key.startswith(prefixes) or re.search(rf"say\.{key}\b|[\"']{key}[\"']", code), f"{key} is never said"


def test_the_deciding_words_are_marked_and_nothing_is_lost():
    text = "Hello.\nWe   suspended your account\nbecause of 侵权 and infringements."
    evidence = (
        Evidence("sentence", "We suspended your account because of 侵权 and infringements.", 2.0),
        Evidence("phrase", "suspended, 侵权", 1.0),
        Evidence("word", "infring~", 0.5),
        Evidence("sender", "platform", 0.1),
    )
    pieces = marked(text, evidence)
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.text for piece in pieces if piece.why == "word"] == ["suspended", "侵权", "infringements"]
    assert pieces[0] == Piece("Hello.\n")
    assert marked("", evidence) == []


def test_a_mail_that_is_no_warning_is_not_on_the_board(visit, take):
    take(a_raw("Sold, ship now", ORDER))
    assert "Nothing burns" in visit().get("/").text


# ---- commands ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ran(db, settings, tmp_path, monkeypatch):
    config = tmp_path / "config.toml"
    config.write_text(
        f'data = "{settings.data}"\nmodels = "{settings.models_dir}"\n'
        '[[accounts]]\nname = "shop"\nhost = "h"\nuser = "u"\npassword = "p"\n'
    )
    monkeypatch.setenv("TRIAGE_CONFIG", str(config))
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments])


def test_users_and_tokens_are_made_shown_changed_and_taken_away_by_command(ran, db, tmp_path):
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    assert "No users yet" in ran("user", "list").output
    assert (
        ran("user", "add", "chen", "--role", "admin", "--password-file", password).output
        == "chen may sign in (admin).\n"
    )
    assert ran("user", "add", "li", "--language", "zh", "--password-file", password).exit_code == 0
    assert users.authenticated(db, "chen", PASSWORD).role is Role.ADMIN
    assert ran("user", "change", "li", "--role", "view").output == "li: view, zh.\n"
    password.write_text("another password\n")
    assert "signed out everywhere" in ran("user", "password", "li", "--password-file", password).output
    assert users.authenticated(db, "li", "another password").language == "zh"
    restricted = ran("user", "change", "li", "--account", "shop")
    assert restricted.output == "li: view, only shop, zh.\n"
    assert users.get(db, "li").accounts == {"shop"}
    listed = json.loads(ran("user", "list", "--json").output)
    assert listed[1] == {"name": "li", "role": "view", "language": "zh", "accounts": ["shop"]}
    assert ran("user", "change", "li", "--all-accounts").output == "li: view, zh.\n"
    assert users.get(db, "li").accounts is None
    for wrong in (["--account", "nowhere"], ["--account", "shop", "--all-accounts"], []):
        assert ran("user", "change", "li", *wrong).exit_code != 0
    assert "cannot sign in any more" in ran("user", "remove", "li").output
    secret = ran("token", "add", "erp", "--scope", "act", "--account", "shop").stdout.strip()
    assert tokens.of(db, secret, NOW).scope is Role.ACT
    assert tokens.of(db, secret, NOW).accounts == {"shop"}
    listed = ran("token", "list").output
    assert "erp" in listed
    assert secret not in listed
    assert ran("token", "remove", "erp").exit_code == 0
    assert tokens.of(db, secret, NOW) is None
    assert "No tokens" in ran("token", "list").output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("user", "add", "x"), "no terminal to ask"), (("user", "add", "x", "--password-file", "/nowhere"), "cannot be read"),
        (("user", "add", "x", "--language", "fr"), "use zh or en"), (("user", "remove", "x"), 'no user "x"'),
        (("user", "change", "x"), "say what"), (("token", "remove", "x"), 'no token "x"'), (("web", "--listen", "nonsense"), "an address and a port"),
    ],
)  # fmt: skip
def test_what_a_command_cannot_do_is_one_line(ran, arguments, says):
    done = ran(*arguments)
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)
    assert "\n" not in str(done.exception)


def test_an_address_that_is_taken_is_said_and_another_is_served(ran, address):
    command = [sys.executable, "-m", "triage", "web", "--listen"]
    done = subprocess.run(
        [*command, address.removeprefix("http://")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "choose another address" in done.stderr
    assert "Traceback" not in done.stderr
    served = subprocess.Popen([*command, "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = served.stdout.readline()
    assert requests.get(f"{line.strip()}sign-in", timeout=20).status_code == 200
    served.send_signal(signal.SIGINT)
    assert "Nobody can sign in yet" in served.communicate(timeout=20)[1]
    assert served.returncode == 0
