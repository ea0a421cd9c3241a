"""Acknowledging by the link in an alert and by a reply to its mail."""

import itertools
import re
import urllib.error
import urllib.parse
import urllib.request
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime

import pytest

from tests.conftest import NOW, SUSPENSION, a_batch, a_raw
from triage import installation
from triage.alerts import links, outbox
from triage.cases import history, queries
from triage.config import Account, Settings, Target, Web
from triage.labels import Status
from triage.mail import cursor
from triage.pipeline import take_in
from triage.rendering import acknowledge_url, rendered, replies_are_read

KEY = b"k" * 32
_uids = itertools.count(100)


# ---- what is signed -------------------------------------------------------------------------------------------


def test_a_token_is_good_for_its_case_and_person_alone():
    permit = links.Permit(17, "li")
    token = links.token(KEY, permit)
    assert links.permitted(KEY, token) == permit
    assert links.permitted(b"x" * 32, token) is None
    for position in range(0, len(token), 3):
        other = "A" if token[position] != "A" else "B"
        changed = token[:position] + other + token[position + 1 :]
        assert links.permitted(KEY, changed) in {None, permit}  # the last character carries bits that mean nothing
    assert links.permitted(KEY, "") is None


def test_an_old_token_is_good_no_more(monkeypatch):
    import time

    token = links.token(KEY, links.Permit(17, "li"))
    later = time.time() + links.GOOD_FOR.total_seconds() + 5
    monkeypatch.setattr(time, "time", lambda: later)
    assert links.permitted(KEY, token) is None


def test_a_reference_is_known_in_any_reply_and_cannot_be_made_for_another_case():
    reference = links.reference(KEY, 17)
    assert links.referred(KEY, f"Re: AW: 回复: [New] Amazon {reference}") == 17
    assert links.referred(KEY, f"Re: {reference.replace('T17', 'T18')}") is None
    assert links.referred(KEY, "Re: [T17-AAAAAAAAAAAA]") is None
    assert links.referred(b"x" * 32, reference) is None


# ---- the link -------------------------------------------------------------------------------------------------


@pytest.fixture
def served(take, settings, db):
    from triage.web.server import serve

    take(a_raw())
    web = settings.model_copy(update={"web": Web(listen="127.0.0.1:0", public_url="https://triage.example/")})
    serving = serve(web, lambda: NOW, lambda: True)
    target = settings.targets[0]
    url = acknowledge_url(queries.get(db, 1), target, web)
    assert url.startswith("https://triage.example/ack/")
    yield url.replace("https://triage.example", f"http://127.0.0.1:{serving.address[1]}")
    serving.stop()


def ask(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode(), refused.headers


def test_the_page_behind_the_link_shows_the_case_and_changes_nothing(served, db):
    status, page, headers = ask(served)
    assert status == 200
    assert "Amazon shop" in page
    assert "I take care of it" in page
    assert headers["Cache-Control"] == "no-store"
    assert queries.get(db, 1).status is Status.OPEN  # programs that look at links acknowledge nothing


def test_the_button_acknowledges_in_the_name_of_whom_the_alert_went_to(served, db):
    status, page, _ = ask(served, "POST")
    assert status == 200
    assert "Acknowledged by file." in page
    assert queries.get(db, 1).status is Status.ACKNOWLEDGED
    assert history.of_case(db, 1)[-1].by == "file"
    assert "already taken care of" in ask(served, "POST")[1]
    assert len(history.of_case(db, 1)) == 2


def test_a_link_that_was_used_is_worth_nothing_when_the_case_opens_again(served, db):
    from triage import actions

    ask(served, "POST")
    actions.set_status(db, 1, Status.OPEN, by="li", now=NOW + timedelta(hours=1))
    assert "was used" in ask(served, "POST")[1]
    assert queries.get(db, 1).status is Status.OPEN


def test_a_forged_link_shows_nothing_of_any_case(served, db):
    status, page, _ = ask(served[:-3] + "xxx", "POST")
    assert status == 404
    assert "Amazon" not in page
    assert queries.get(db, 1).status is Status.OPEN


def test_a_strangers_words_on_the_page_are_words(served, db, settings):
    db.execute("UPDATE cases SET store = ? WHERE id = 1", ["<script>alert(1)</script>"])
    page = ask(served)[1]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_an_alert_has_the_link_only_while_nobody_has_the_case(take, db, settings):
    from triage import actions

    take(a_raw())
    web = settings.model_copy(update={"web": Web(listen="127.0.0.1:0", public_url="https://triage.example")})
    (alert,) = outbox.due(db, "file", NOW)
    text, _ = rendered(db, [alert], settings.targets[0], web, NOW)
    assert re.search(r"^Acknowledge: https://triage\.example/ack/\S+$", text.body, re.MULTILINE)
    actions.acknowledge(db, 1, by="li", now=NOW)
    assert "/ack/" not in rendered(db, [alert], settings.targets[0], web, NOW)[0].body


# ---- the reply ------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(db, model, settings):
    """A mailbox that alerts are sent from and replies come to."""
    url = "mailto://mail.example?from=triage@seller.example&to=li@seller.example"
    both = Settings(
        data=settings.data, models=settings.models,
        accounts=(Account(name="shop", host="h", user="triage@seller.example", password="p"),),
        targets=(Target(name="mail", type="apprise", url=url),),
    )  # fmt: skip
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)

    class Desk:
        settings = both

        def receive(self, *raws, history=False):
            return take_in(db, a_batch(*raws, first_uid=next(_uids), history=history), model, both, NOW)

        def subject(self):
            (alert,) = outbox.due(db, "mail", NOW)
            return rendered(db, [alert], both.targets[0], both, NOW)[0].title

    return Desk()


def a_reply(subject, **headers):
    message = EmailMessage()
    message["From"] = "Li Na <li@seller.example>"
    message["To"] = "triage@seller.example"
    message["Subject"] = subject
    message["Date"] = format_datetime(NOW)
    message["Message-ID"] = f"<{next(_uids)}@seller.example>"
    for name, value in {"In-Reply-To": "<alert@triage>", **headers}.items():
        if value:
            message[name.replace("_", "-")] = value
    message.set_content(
        "I am on it.\n\nOn Monday Triage wrote:\n" + "".join(f"> {line}\n" for line in SUSPENSION.splitlines())
    )
    return message.as_bytes()


def test_a_reply_to_the_alert_acknowledges_its_case_and_opens_none(desk, db):
    desk.receive(a_raw())
    desk.receive(a_reply(f"Re: {desk.subject()}"))
    assert [case.status for case in queries.listed(db, everything=True, now=NOW)] == [Status.ACKNOWLEDGED]
    assert history.of_case(db, 1)[-1].by == "li@seller.example"


def test_a_second_reply_changes_nothing(desk, db):
    desk.receive(a_raw())
    subject = desk.subject()
    desk.receive(a_reply(f"Re: {subject}"))
    desk.receive(a_reply(f"AW: {subject}"))
    assert [event.kind for event in history.of_case(db, 1)] == ["opened", "acknowledged"]


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"X_Autoreply": "yes"}, {"Precedence": "bulk"}, {"In_Reply_To": ""}],
    ids=["away", "away, the old way", "a list", "the alert itself"],
)
def test_what_nobody_has_read_acknowledges_nothing_and_is_no_case(desk, db, headers):
    desk.receive(a_raw())
    desk.receive(a_reply(f"Re: {desk.subject()}", **{name.replace("_", "-"): value for name, value in headers.items()}))
    assert [case.status for case in queries.listed(db, everything=True, now=NOW)] == [Status.OPEN]


def test_a_reference_that_was_made_up_is_judged_like_any_mail(desk, db):
    desk.receive(a_raw())
    desk.receive(a_reply("Re: [New] Amazon [T1-AAAAAAAAAAAA]"))
    assert queries.get(db, 1).status is not Status.ACKNOWLEDGED


def test_old_replies_found_at_the_first_look_change_nothing(desk, db):
    desk.receive(a_raw())
    desk.receive(a_reply(f"Re: {desk.subject()}"), history=True)
    assert queries.get(db, 1).status is Status.OPEN


def test_the_alert_says_that_a_reply_will_do_only_where_replies_are_read(desk, db):
    desk.receive(a_raw())
    (alert,) = outbox.due(db, "mail", NOW)
    target = desk.settings.targets[0]
    assert "Reply to this mail to acknowledge." in rendered(db, [alert], target, desk.settings, NOW)[0].body
    elsewhere = target.model_copy(update={"url": target.url.replace("triage@seller", "robot@other")})
    assert not replies_are_read(elsewhere, desk.settings)
    assert "Reply to this mail" not in rendered(db, [alert], elsewhere, desk.settings, NOW)[0].body


def test_the_key_is_for_its_owner_alone(tmp_path):
    key = installation.key(tmp_path / "data", create=True)
    assert len(key) == 32
    assert installation.key(tmp_path / "data", create=False) == key
    assert (tmp_path / "data" / "installation.key").stat().st_mode & 0o077 == 0


def test_threads_that_make_the_key_together_have_one(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as pool:
        for number in range(20):
            place = tmp_path / str(number)
            keys = set(pool.map(lambda _, place=place: installation.key(place, create=True), range(16)))
            assert [len(key) for key in keys] == [32]
            assert [each.name for each in place.iterdir()] == ["installation.key"]
