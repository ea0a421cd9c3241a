"""Small versions of the reliability report; the whole of it is in: make bench"""

from benchmarks import reliability


def nothing_lost_or_doubled(found):
    return {what: value for what, value in found.items() if value and what.endswith(("lost", "doubled", "waiting"))}


def test_a_bad_line_and_a_server_that_stops_lose_and_double_nothing(dovecot, tmp_path, models):
    found = reliability.line(dovecot, tmp_path, models, 18)
    assert found["warnings"] == 36
    assert nothing_lost_or_doubled(found) == {}


def test_four_simulated_hours_lose_and_double_nothing(dovecot, tmp_path, models):
    found = reliability.day(dovecot, tmp_path, models, 4)
    assert found["warnings"] > 10
    assert nothing_lost_or_doubled(found) == {}
    assert found["alerts repeated"] == 0
