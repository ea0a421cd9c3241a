"""Lanes between mail servers, pauses after failures, doors that stay shut."""

import threading

import pytest

from tests.conftest import NOW, until
from triage.config import Account
from triage.errors import MailboxUnavailable, SignInRefused
from triage.judges import Judges
from triage.lanes import Lanes
from triage.mailbox import FIRST_PAUSE_S, LONGEST_PAUSE_S, Door, Mailbox, pause
from triage.polling import Looker
from triage.watcher import Watcher


@pytest.fixture
def lanes():
    made = Lanes(4, 2)
    yield made
    made.stop()
    made.ended()


def test_a_server_that_hangs_holds_up_only_those_behind_it(lanes):
    hang, done = threading.Event(), []
    for n in range(10):
        lanes.ask("dead.example", lambda n=n: (hang.wait(10), done.append(("dead", n))))
    for n in range(10):
        lanes.ask("good.example", lambda n=n: done.append(("good", n)))
    until(lambda: len(done) == 10, 5, "for the good server's")
    assert {name for name, _ in done} == {"good"}
    hang.set()
    until(lambda: len(done) == 20, 5, "for the others")


def test_lanes_are_served_by_turns():
    lanes, order, begun, hold = Lanes(1, 1), [], threading.Event(), threading.Event()
    lanes.ask("a", lambda: (begun.set(), hold.wait(10)))
    assert begun.wait(5)
    for n in range(3):
        lanes.ask("a", lambda n=n: order.append(f"a{n}"))
    lanes.ask("b", lambda: order.append("b0"))
    hold.set()
    until(lambda: len(order) == 4, 5)
    assert order == ["a0", "b0", "a1", "a2"]
    lanes.ended()


def test_what_fails_in_a_lane_frees_its_worker(lanes):
    done = []
    for _ in range(6):
        lanes.ask("a", lambda: 1 / 0)
    lanes.ask("a", lambda: done.append(1))
    until(lambda: done, 5)


def test_after_the_stop_nothing_more_begins():
    lanes, done = Lanes(1, 1), []
    begun, hold = threading.Event(), threading.Event()
    lanes.ask("a", lambda: (begun.set(), hold.wait(10)))
    lanes.ask("a", lambda: done.append(1))
    assert begun.wait(5)
    lanes.stop()
    hold.set()
    lanes.ended()
    assert done == []


def test_pauses_grow_up_to_the_longest_and_differ_by_chance():
    whole = [pause(failures, lambda: 1.0) for failures in range(1, 40)]
    assert whole[0] == FIRST_PAUSE_S
    assert whole == sorted(whole)
    assert whole[-1] == LONGEST_PAUSE_S
    assert pause(3, lambda: 0.0) == pause(3, lambda: 1.0) / 2
    assert len({pause(5) for _ in range(20)}) > 1


class _Server:
    """Stands in for a session: it counts the tries and says what it is told to."""

    def __init__(self, error=None):
        self.tries, self.error = 0, error

    def connect(self):
        self.tries += 1
        if self.error:
            raise self.error


def test_a_refused_password_is_not_tried_again_by_another_connection_until_it_is_another(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("wrong")
    door = Door(Account(name="shop", host="mail.example", user="u", password=f"file:{secret}"))
    server = _Server(SignInRefused("shop: sign-in refused"))
    for _ in range(3):
        with pytest.raises(SignInRefused):
            door.enter(server)
    assert server.tries == 1
    assert door.shut()

    secret.write_text("right")
    server.error = None
    assert not door.shut()
    door.enter(server)
    assert server.tries == 2


def test_a_mailbox_behind_a_shut_door_comes_back_at_its_usual_time(tmp_path, settings, model):
    """Its password may be a command: it must not run every few seconds."""
    account = Account(name="shop", host="mail.example", user="u", password="wrong")
    door, waits = Door(account), []
    with pytest.raises(SignInRefused):
        door.enter(_Server(SignInRefused("shop: sign-in refused")))
    looker = Looker(settings, Judges(settings.models_dir, 0), lambda: NOW, None, lambda: None)
    lanes = Lanes(1, 1)
    mailbox = Mailbox(
        account, ["INBOX"], door, looker, lanes, Watcher(), lambda: model, lambda _, wait: waits.append(wait)
    )
    mailbox._failures = 1
    mailbox.ask()
    until(lambda: waits, 5)
    lanes.ended()
    assert waits == [60.0]


def test_a_server_that_is_away_shuts_no_door():
    door = Door(Account(name="shop", host="mail.example", user="u", password="p"))
    with pytest.raises(MailboxUnavailable):
        door.enter(_Server(MailboxUnavailable("shop: away")))
    assert not door.shut()
