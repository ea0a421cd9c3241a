"""Real receivers on the loopback that fail, hang, are busy, drop the line, and come back."""

import email
import email.policy
import json
import threading
from datetime import timedelta

import pytest
import structlog

from tests.conftest import NOW, Reply, a_raw, until
from triage.alerts import outbox, standing, targets, webhook
from triage.alerts.answers import answer
from triage.alerts.text import Part, Text
from triage.config import Alerting, Settings, Target
from triage.couriers import Courier
from triage.delivery import deliver_due
from triage.errors import MessageRefused, TargetBusy, TargetFailed, TargetMisconfigured

TEXT = Text("title", (Part(("body",)),))


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def later(self, **span):
        self.now += timedelta(**span)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hook(receiver):
    return Target(name="hook", type="webhook", url=f"{receiver.address}/in", key="secret-key", timeout="2 seconds")


def world(settings, *more, **alerting):
    return Settings(**{**dict(settings), "targets": more, "alerting": Alerting(**alerting)})


def put(db, number, *, target="hook", topic="", now=NOW):
    outbox.queue(db, [target], "quarantined", f"q{number}", now=now, topic=topic, detail=DETAIL | {"uid": number})


DETAIL = {"account": "shop", "reason": "r", "folder": "INBOX", "received": "2026-11-23 12:00"}


# ---- one message ----------------------------------------------------------------------------------------------


def test_a_webhook_is_signed_and_its_repetition_has_the_same_key(receiver, hook):
    for _ in range(2):
        targets.send(hook, TEXT, {"alerts": [7], "kind": "test"})
    first, second = receiver.headers
    assert first["Idempotency-Key"] == second["Idempotency-Key"]
    signed = webhook.signature("secret-key", first["X-Triage-Timestamp"], receiver.bodies[0])
    assert first["X-Triage-Signature"] == f"sha256={signed}"
    assert webhook.signature("other-key", first["X-Triage-Timestamp"], receiver.bodies[0]) != signed
    assert json.loads(receiver.bodies[0])["title"] == "title"


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(500), TargetFailed, "HTTP 500"),
        (Reply(302, {"Location": "http://127.0.0.1/"}), TargetFailed, "HTTP 302"),
        (Reply(401), TargetFailed, "HTTP 401"),
        (Reply(400), MessageRefused, "HTTP 400"),
        (Reply(413), MessageRefused, "HTTP 413"),
        (Reply(429, {"Retry-After": "7"}), TargetBusy, "HTTP 429"),
        (Reply(drop=True), TargetFailed, "cannot be reached"),
        (Reply(hang=30), TargetFailed, "no answer within 2 s"),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("type_", ["webhook", "apprise"])
def test_each_way_to_fail_has_its_error(receiver, type_, reply, error, says):
    receiver.answers.append(reply)
    url = f"{receiver.address}/in" if type_ == "webhook" else f"{receiver.url}?rto=30"
    with pytest.raises(error) as caught:
        targets.send(Target(name="t", type=type_, url=url, timeout="2 seconds"), TEXT, {})
    assert type(caught.value) is error
    if type_ == "webhook" or reply.status not in {200, 302}:  # Apprise follows a redirection
        assert says in str(caught.value)
    assert receiver.address not in str(caught.value)


def test_how_long_a_busy_target_wants_to_be_left_alone(receiver, hook):
    receiver.answers.append(Reply(429, {"Retry-After": "7"}))
    with pytest.raises(TargetBusy) as caught:
        targets.send(hook, TEXT, {})
    assert caught.value.wait == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("status", "said", "wait"),
    [(429, "120", 120), (429, "", 60), (503, "Mon, 23 Nov 2026 12:05:00 GMT", 300), (429, "soon", 60), (503, "", None), (200, "9", None)],
)  # fmt: skip
def test_the_wait_that_an_answer_asks_for(status, said, wait):
    known = answer(status, {"Retry-After": said}, NOW).wait
    assert known == (timedelta(seconds=wait) if wait is not None else None)


@pytest.mark.parametrize(
    ("service", "body", "error"),
    [
        ("wecombot", {"errcode": 0, "errmsg": "ok"}, None),
        ("wecombot", {"errcode": 93000, "errmsg": "invalid webhook url"}, TargetFailed),
        ("wecombot", {"errcode": 45009, "errmsg": "api freq out of limit"}, TargetBusy),
        ("dingtalk", {"errcode": 310000, "errmsg": "keywords not in content"}, TargetFailed),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, TargetBusy),
        ("feishu", {"code": 0, "msg": "success"}, None),
        ("feishu", {"code": 19024, "msg": "Key Words Not Found"}, TargetFailed),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, TargetBusy),
    ],
)
def test_a_robots_refusal_in_a_200_is_no_success(receiver, service, body, error):
    """The services themselves cannot be had here: their Apprise plugin speaks to a receiver that answers as they do."""
    from tests.test_forms import URLS

    target = Target(name="robot", type="apprise", url=URLS[service])
    plugin = targets._service(target)[0]
    for name in ("api_url", "notify_url"):
        if hasattr(plugin, name):
            setattr(plugin, name, f"{receiver.address}/robot")
    receiver.answers.append(Reply(body=json.dumps(body).encode()))
    try:
        if error is None:
            targets.send(target, TEXT, {})
        else:
            with pytest.raises(error) as caught:
                targets.send(target, TEXT, {})
            assert type(caught.value) is error
    finally:
        targets._loaded.cache_clear()
    assert len(receiver.bodies) == 1


def test_a_json_answer_of_another_service_is_no_verdict(receiver):
    receiver.answers.append(Reply(body=b'{"code": 200, "message": "success"}'))
    targets.send(Target(name="t", type="apprise", url=receiver.url), TEXT, {})


def test_what_a_plugin_asks_on_its_way_is_no_refusal(receiver):
    receiver.answers += [Reply(302, {"Location": f"{receiver.address}/{step}"}) for step in "ab"]
    targets.send(Target(name="t", type="apprise", url=receiver.url), TEXT, {})
    assert len(receiver.asked) == 3


def test_an_address_that_cannot_be_had_after_the_sending_does_not_send_twice(
    db, settings, receiver, tmp_path, clock, monkeypatch
):
    (tmp_path / "url").write_text(receiver.url)
    target = Target(name="hook", type="apprise", url=f"file:{tmp_path}/url")
    put(db, 1)
    send = targets.send

    def sent(*arguments):
        send(*arguments)
        (tmp_path / "url").unlink()

    monkeypatch.setattr(targets, "send", sent)
    assert deliver_due(db, target, world(settings, target), clock) == 1
    assert outbox.get(db, 1).state == "delivered"


def test_a_service_that_hangs_is_asked_nothing_more_until_it_has_let_go(receiver):
    target = Target(name="slow", type="webhook", url=f"{receiver.address}/in", timeout="1 second")
    receiver.answers.append(Reply(hang=2.5))
    before = threading.active_count()
    for _ in range(3):
        with pytest.raises(TargetFailed):
            targets.send(target, TEXT, {})
    assert len(receiver.asked) == 1
    assert threading.active_count() <= before + 2  # ours that waits, the receiver's that hangs
    until(lambda: _sent(target), 10)


def _sent(target):
    try:
        targets.send(target, TEXT, {})
    except TargetFailed:
        return False
    return True


@pytest.mark.parametrize("url", ["ftp://x/y", "example.com/hook", "https://"])
def test_a_webhook_needs_a_web_address(url):
    with pytest.raises(TargetMisconfigured, match=r"^targets\.t\.url: "):
        targets.check(Target(name="t", type="webhook", url=url))


# ---- the outbox -----------------------------------------------------------------------------------------------


def test_a_target_that_fails_is_left_alone_and_gets_everything_when_it_is_back(db, settings, receiver, hook, clock):
    both = world(settings, hook)
    for number in range(3):
        put(db, number)
    receiver.answers += [500, 503]
    assert deliver_due(db, hook, both, clock) == 0
    assert deliver_due(db, hook, both, clock) == 0  # at once: not asked again
    assert len(receiver.asked) == 1
    clock.later(seconds=23)
    assert deliver_due(db, hook, both, clock) == 0
    clock.later(minutes=2)
    assert deliver_due(db, hook, both, clock) == 3
    assert standing.known(db, "hook", clock()).failing_since is None
    assert sorted(json.loads(body)["alerts"][0] for body in receiver.bodies) == [1, 2, 3]


def test_a_busy_target_is_asked_again_when_it_said_and_no_try_is_counted(db, settings, receiver, hook, clock):
    only = world(settings, hook)
    put(db, 1)
    receiver.answers.append(Reply(429, {"Retry-After": "90"}))
    deliver_due(db, hook, only, clock)
    clock.later(seconds=89)
    deliver_due(db, hook, only, clock)
    assert len(receiver.asked) == 1
    clock.later(seconds=1)
    assert deliver_due(db, hook, only, clock) == 1
    assert outbox.get(db, 1).attempts == 1


def test_a_message_that_the_target_does_not_want_blocks_nothing_behind_it(db, settings, receiver, hook, clock):
    only = world(settings, hook)
    for number in range(4):
        put(db, number)
    receiver.answers.append(413)
    assert deliver_due(db, hook, only, clock) == 3
    assert [alert.state for alert in outbox.listed(db, state="all")] == [
        "failing",
        "delivered",
        "delivered",
        "delivered",
    ]


def test_an_alert_that_cannot_be_rendered_blocks_nothing_behind_it(db, settings, receiver, hook, clock):
    outbox.queue(db, ["hook"], "no_such_kind", "poison", now=NOW)
    put(db, 1)
    assert deliver_due(db, hook, world(settings, hook), clock) == 1
    assert "a fault of Triage: KeyError" in outbox.get(db, 1).last_error


def test_a_dead_address_in_front_of_the_queue_is_tried_in_turn_with_the_others(db, settings, receiver, hook, clock):
    """A 500 could be the message's fault: the next try takes another one."""
    only = world(settings, hook)
    put(db, 1), put(db, 2)
    receiver.answers.append(500)
    deliver_due(db, hook, only, clock)
    clock.later(seconds=23)
    deliver_due(db, hook, only, clock)
    assert json.loads(receiver.bodies[0])["alerts"] == [2]


def test_what_joins_a_failing_alert_does_not_overtake_it(db, settings, receiver, hook, clock):
    only = world(settings, hook)
    put(db, 1, topic="case:1")
    receiver.answers.append(413)
    deliver_due(db, hook, only, clock)
    put(db, 2, topic="case:1")
    assert deliver_due(db, hook, only, clock) == 0
    clock.later(seconds=23)
    assert deliver_due(db, hook, only, clock) == 2
    assert json.loads(receiver.bodies[0])["alerts"] == [1, 2]


def test_after_the_last_try_another_target_gets_the_alert_itself(db, settings, receiver, another_receiver, hook, clock):
    other = Target(name="other", type="webhook", url=f"{another_receiver.address}/in")
    both = world(settings, hook, other, tries=2)
    put(db, 1)
    receiver.answers += [500, 500]
    for _ in range(2):
        deliver_due(db, hook, both, clock)
        clock.later(minutes=5)
    deliver_due(db, other, both, clock)
    assert [json.loads(body)["kind"] for body in another_receiver.bodies] == ["quarantined", "target_failed"]
    assert outbox.get(db, 1).state == "given_up"


def test_what_the_other_target_had_already_is_not_sent_to_it_again(
    db, settings, receiver, another_receiver, hook, clock
):
    other = Target(name="other", type="webhook", url=f"{another_receiver.address}/in")
    both = world(settings, hook, other, tries=1)
    outbox.queue(db, ["hook", "other"], "quarantined", "q", now=NOW, detail=DETAIL | {"uid": 1})
    deliver_due(db, other, both, clock)
    receiver.answers.append(500)
    deliver_due(db, hook, both, clock)
    deliver_due(db, other, both, clock)
    assert [json.loads(body)["kind"] for body in another_receiver.bodies] == ["quarantined", "target_failed"]


def test_the_others_are_told_of_a_target_that_fails_and_that_it_is_well_again(
    db, settings, receiver, hook, clock, tmp_path
):
    file = Target(name="file", type="jsonl", path=tmp_path / "told.jsonl")
    both = world(settings, hook, file)
    put(db, 1)
    receiver.answers += [500] * 30
    for _ in range(40):  # a quarter of an hour
        deliver_due(db, hook, both, clock)
        clock.later(seconds=30)
    receiver.answers.clear()
    clock.later(hours=1)
    deliver_due(db, hook, both, clock)
    deliver_due(db, file, both, clock)
    told = [json.loads(line) for line in (tmp_path / "told.jsonl").read_text().splitlines()]
    assert [line["title"] for line in told] == [
        "Alerts to hook arrive again"
    ]  # both in one message, the last one names it
    assert "Alerts to hook do not arrive" in told[0]["body"]
    assert len(told[0]["alerts"]) == 2


def test_a_target_gets_its_pause_between_two_messages(db, settings, receiver, hook, clock):
    slow = hook.model_copy(update={"pause": timedelta(seconds=3)})
    only = world(settings, slow)
    put(db, 1), put(db, 2)
    assert deliver_due(db, slow, only, clock) == 1
    clock.later(seconds=3)
    assert deliver_due(db, slow, only, clock) == 1


def test_what_cannot_wait_goes_before_a_thousand_that_can(db, settings, receiver, hook, clock):
    for number in range(1000):
        put(db, number)
    outbox.queue(db, ["hook"], "quarantined", "now", now=NOW, rank=outbox.PRESSING, detail=DETAIL | {"uid": 5000})
    stopped = []
    deliver_due(db, hook, world(settings, hook), clock, lambda: len(stopped.append(1) or stopped) > 1)
    assert [json.loads(body)["uid"] for body in receiver.bodies] == [5000]


def test_a_courier_that_is_woken_delivers_at_once_and_a_hanging_one_delays_no_other(
    db, settings, receiver, another_receiver
):
    slow = Target(name="slow", type="webhook", url=f"{receiver.address}/in", timeout="20 seconds")
    quick = Target(name="quick", type="webhook", url=f"{another_receiver.address}/in")
    both = world(settings, slow, quick)
    receiver.answers.append(Reply(hang=15))
    couriers = [Courier(each, both, lambda: NOW) for each in (slow, quick)]
    try:
        for courier in couriers:
            courier.start()
        outbox.queue(db, ["slow", "quick"], "quarantined", "q1", now=NOW, detail=DETAIL | {"uid": 1})
        for courier in couriers:
            courier.wake()
        until(lambda: another_receiver.bodies, 10)
        assert receiver.asked
        assert not receiver.bodies
    finally:
        for courier in couriers:
            courier.stop()
    assert couriers[1].ended(3)


def test_a_mail_arrives_whole_with_its_reference_and_fails_as_the_server_says(db, settings, take, post, clock):
    take(a_raw())
    url = f"mailto://127.0.0.1:{post.port}/?from=triage@shop.example&to=boss@shop.example&mode=insecure"
    mail = Target(name="mail", type="apprise", url=url)
    outbox.queue(db, ["mail"], "case_opened", "event:x", now=NOW, case=1)
    post.answers.append("451 try later")
    only = world(settings, mail)
    assert deliver_due(db, mail, only, clock) == 0
    clock.later(seconds=23)
    assert deliver_due(db, mail, only, clock) == 1
    message = email.message_from_bytes(post.mails[0], policy=email.policy.default)
    assert message["Subject"].startswith("[New] Amazon shop: account suspended - Authenticity [T1-")
    page = message.get_body(("html",)).get_content()
    assert "<b>Answer by:</b> 2026-11-26 12:00 UTC" in page


def test_no_address_and_no_token_reaches_the_log(db, settings, receiver, capsys):
    from triage import log

    log.configure(level="debug", json=True)
    token = "t0psecrettoken"
    target = Target(name="t", type="apprise", url=f"{receiver.url}/{token}", timeout="2 seconds")
    receiver.answers += [500, Reply(drop=True)]
    for key in ("a", "b"):
        outbox.queue(db, ["t"], "model_up", key, now=NOW)
    try:
        deliver_due(db, target, world(settings, target), lambda: NOW)
        deliver_due(db, target, world(settings, target), lambda: NOW + timedelta(minutes=1))
    finally:
        structlog.reset_defaults()
    shown = capsys.readouterr()
    assert "alert_not_taken" in shown.err
    assert token not in shown.err + shown.out


def test_it_takes_no_time_to_see_that_nothing_is_due_with_a_hundred_thousand_waiting(db):
    """Not a time but a plan: each look is a search in an index, never a walk through what waits."""
    for sql in ("WHERE target = ? AND rank = ? AND due_at <= ?", "WHERE target = ? AND bundle = ?"):
        order = "ORDER BY due_at, id" if "rank" in sql else "ORDER BY id"
        plan = " ".join(str(row) for row in db.execute(
            f"EXPLAIN QUERY PLAN SELECT id FROM alerts {sql} AND delivered_at IS NULL AND gave_up_at IS NULL {order} LIMIT 1",
            ["t", 1, "2026"][: sql.count("?")],
        ).fetchall())  # fmt: skip
        assert "USING" in plan
        assert "SCAN" not in plan
        assert "TEMP B-TREE" not in plan
