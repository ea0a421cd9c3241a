"""The campaign of `make bench`, short: three targets that fail and hang, a process that is killed again and again."""

from benchmarks.outbox import campaign


def test_nothing_is_lost_nothing_sent_again_after_a_success_and_each_case_in_order():
    report = campaign(400, seed=7, limit_s=100)
    assert report.lost == []
    assert report.twice == []
    assert report.disordered == []
    assert report.events == 400
    assert report.kills >= 2
    assert set(report.faults) >= {"500", "429", "drop", "lost"}
