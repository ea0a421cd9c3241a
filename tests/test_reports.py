"""The weekly report, the calendar and its feed."""

import re
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import icalendar
import pytest

from tests.conftest import NOW, a_raw
from triage import actions
from triage.advising import repeated
from triage.cases.stores import stores
from triage.config import Calendar, Report, Web
from triage.daemon import Daemon
from triage.errors import OutputError
from triage.labels import CAUSE_NAMES, Cause, Platform, Status
from triage.reports import page
from triage.reports.calendar import deadlines
from triage.reports.figures import figures
from triage.reports.writing import last_due, report_text, write_calendar, write_report

TRADEMARK = "A rights owner reported that this product infringes its trademark. The listing was removed. ASIN: {asin}. Respond within 72 hours."
WEEK = (NOW - timedelta(days=7), NOW + timedelta(hours=1))


@pytest.fixture
def world(db, take):
    """A suspended account that was answered after five hours, three trademark removals weeks apart, a phishing mail."""
    take(a_raw())
    actions.set_status(db, 1, Status.SUBMITTED, by="li", now=NOW + timedelta(hours=5))
    for number, days in enumerate((40, 20, 0)):
        at = NOW - timedelta(days=days)
        take(a_raw("Listing removed", TRADEMARK.format(asin=f"B0CQ7M2X0{number}"), sent_at=at), now=at, at=at)
    take(a_raw("Your account has been suspended", "Your account has been suspended for unusual activity. Verify within 24 hours.",
               "Amazon <x@amazon-verify.example>", proven=False))  # fmt: skip
    return db


# ---- figures -------------------------------------------------------------------------------------------------------


def test_what_came_what_is_due_and_how_fast_it_was_answered(world):
    shown = figures(world, *WEEK)
    assert [each.case.id for each in shown.came] == [1, 4]
    assert shown.forged == 1
    assert [case.id for case in shown.due] == [2, 3, 4]  # what was submitted is not due any more
    assert shown.median_answered == shown.median_seen == timedelta(hours=5)
    assert shown.untouched == 1
    assert shown.causes == (Cause.AUTHENTICITY, Cause.IP_INFRINGEMENT)


def test_what_was_won_and_lost_counts_once_and_not_when_it_was_taken_up_again(world):
    actions.set_status(world, 2, Status.LOST, by="li", now=NOW)
    actions.set_status(world, 3, Status.WON, by="li", now=NOW)
    actions.set_status(world, 3, Status.OPEN, by="li", now=NOW)
    ended = figures(world, *WEEK).ended
    assert [case.id for case in ended[Status.LOST]] == [2]
    assert ended[Status.WON] == ()


def test_a_chart_has_each_case_in_its_week(world):
    (chart,) = figures(world, *WEEK).charts
    assert (len(chart.weeks), chart.weeks[-1].weekday()) == (12, 0)
    assert sum(chart.counts[Cause.IP_INFRINGEMENT]) == 3
    assert [n for n in chart.counts[Cause.IP_INFRINGEMENT] if n] == [1, 1, 1]
    assert chart.highest == 2


def test_the_same_again_and_again_is_told_with_what_comes_next(world):
    (store,) = stores(world, NOW)
    assert [case.id for case in store.open] == [4, 3, 2, 1]
    (pattern,) = repeated(store, NOW, "en")
    assert (
        pattern.text
        == "third case of IP infringement in 60 days: the next step on this platform is usually a suspension"
    )
    assert repeated(store, NOW + timedelta(days=200), "en") == []


# ---- the page ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_forms_say_the_same_in_both_languages(world, settings, language):
    html = report_text(world, settings, *WEEK, form="html", language=language)
    text = report_text(world, settings, *WEEK, form="md", language=language)
    for name in (CAUSE_NAMES[language][Cause.AUTHENTICITY], CAUSE_NAMES[language][Cause.IP_INFRINGEMENT]):
        assert name in html
        assert name in text
    assert html.count('<rect x=') == 4
    assert "60" in text.split("##")[4]  # the pattern
    assert ("own photos and words only" in html) is (language == "en")


def test_words_of_a_mail_are_never_markup_in_a_report(db, take, settings):
    take(a_raw(subject="<script>alert(1)</script> | **x** your account has been deactivated"))
    html = report_text(db, settings, *WEEK, form="html", language="en")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert re.search(r"(?:src|href)=", html) is None
    assert "default-src 'none'" in html


def test_a_week_without_anything_says_so(db, settings):
    text = report_text(db, settings, *WEEK, form="md", language="en")
    assert "Nothing came." in text
    assert "<svg" not in report_text(db, settings, *WEEK, form="html", language="zh")


def test_the_words_of_reports_are_complete():
    words = page._words()
    assert set(words["en"]) == set(words["zh"])


# ---- written on time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "due"),
    [("2026-11-23T08:00", "2026-11-23"), ("2026-11-23T07:59", "2026-11-16"), ("2026-11-29T23:00", "2026-11-23")],
)
def test_a_report_is_due_at_its_day_and_hour(settings, now, due):
    found = last_due(datetime.fromisoformat(now).replace(tzinfo=UTC), "monday", 8, settings.zone)
    assert f"{found:%Y-%m-%d %H:%M}" == f"{due} 08:00"


def test_the_weekly_report_is_written_once(world, settings, tmp_path):
    weekly = settings.model_copy(update={"report": Report(folder=tmp_path / "reports", form="md")})
    path = write_report(world, weekly, NOW)
    assert path == tmp_path / "reports" / "triage-2026-11-23.md"
    assert write_report(world, weekly, NOW + timedelta(hours=1)) is None
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert write_report(world, settings, NOW) is None


def test_the_service_writes_both_files_and_one_that_fails_does_not_stop_the_other(world, settings, tmp_path):
    (tmp_path / "file").write_text("")
    reports, calendar = Report(folder=tmp_path / "file"), Calendar(path=tmp_path / "out" / "triage.ics")
    Daemon(settings.model_copy(update={"report": reports, "calendar": calendar})).write()
    assert calendar.path.read_bytes().startswith(b"BEGIN:VCALENDAR")
    Daemon(settings.model_copy(update={"report": Report(folder=tmp_path / "reports")})).write()
    assert len(list((tmp_path / "reports").glob("triage-*.html"))) == 1


def test_a_folder_that_cannot_be_written_to_is_said(world, settings, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(world, settings.model_copy(update={"report": Report(folder=tmp_path / "file")}), NOW)


# ---- the calendar --------------------------------------------------------------------------------------------------


def events(content):
    return {str(event["UID"]).split("-")[1]: event for event in icalendar.Calendar.from_ical(content).walk("VEVENT")}


def test_every_deadline_is_an_event_with_reminders_a_forged_one_is_not(world, settings):
    found = events(deadlines(world, settings, NOW, language="en"))
    assert sorted(found) == ["1", "2", "3", "4"]
    event = found["4"]
    assert event["DTSTART"].dt == NOW + timedelta(hours=72)
    assert [alarm["TRIGGER"].dt for alarm in event.walk("VALARM")] == [-timedelta(hours=24), -timedelta(hours=3)]
    assert "triage case 4" in event["DESCRIPTION"]
    assert found["1"].walk("VALARM") == []  # submitted


def test_a_closed_case_is_cancelled_under_the_same_uid(world, settings):
    before = events(deadlines(world, settings, NOW, language="en"))["4"]
    actions.close(world, 4, by="li", now=NOW)
    after = events(deadlines(world, settings, NOW, language="en"))["4"]
    assert (before["STATUS"], after["STATUS"]) == ("CONFIRMED", "CANCELLED")
    assert before["UID"] == after["UID"]
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after.walk("VALARM") == []


def test_lines_are_folded_and_ended_as_the_standard_wants(world, settings):
    content = deadlines(world, settings, NOW, language="zh")
    lines = content.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 75


def test_the_file_is_rewritten_only_when_something_changed(world, settings, tmp_path):
    own = settings.model_copy(update={"calendar": Calendar(path=tmp_path / "triage.ics")})
    assert write_calendar(world, own, NOW)
    assert not write_calendar(world, own, NOW)
    actions.close(world, 4, by="li", now=NOW)
    assert write_calendar(world, own, NOW)
    assert [file.name for file in tmp_path.glob("*.ics*")] == ["triage.ics"]


# ---- the feed ------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(world, settings):
    from triage.web.server import serve

    serving = serve(
        settings.model_copy(update={"web": Web(listen="127.0.0.1:0", feed_token="long-and-random")}),
        lambda: NOW,
        lambda: True,
    )
    yield f"http://127.0.0.1:{serving.address[1]}"
    serving.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "web"]


def get(url, **headers):
    """(status, body, headers), of a refusal too."""
    try:
        return _get(url, headers)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read(), refused.headers


def _get(url, headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
        return answer.status, answer.read(), answer.headers


def test_a_calendar_program_gets_the_deadlines_and_asks_again_cheaply(served):
    status, body, headers = get(f"{served}/calendar/long-and-random.ics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/calendar")
    assert len(events(body)) == 4
    status, body, _ = get(f"{served}/calendar/long-and-random.ics", **{"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/calendar/wrong.ics", "/calendar/.ics", "/", "/calendar/long-and-random", "/calendar/%FF.ics"]
)
def test_without_the_token_there_is_nothing(served, path):
    assert get(f"{served}{path}")[0] == 404


def test_an_address_that_is_taken_stops_nothing_else(settings, served):
    port = served.rpartition(":")[2]
    busy = settings.model_copy(update={"accounts": (), "web": Web(listen=f"127.0.0.1:{port}", feed_token="x")})
    daemon = Daemon(busy)
    daemon.start()
    assert daemon.stop()


def test_a_store_without_cases_is_no_store(db):
    assert stores(db, NOW) == []
    assert Platform.AMAZON not in {store.platform for store in stores(db, NOW)}
