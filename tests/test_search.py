import pytest

from tests.conftest import NOW, a_raw
from triage import actions
from triage.cases import search
from triage.errors import UsageError

CHINESE = "您的店铺因知识产权侵权投诉被限制，商品已下架。请在3个工作日内提交授权书进行申诉。投诉编号：TM20261123001"


@pytest.fixture
def world(db, take):
    take(a_raw(), a_raw("侵权通知", CHINESE, "AliExpress <noreply@notice.aliexpress.com>"))
    actions.note(db, 1, "Supplier Mingxin sends the invoices tomorrow, 明鑫 明天发票", by="li", now=NOW)
    return db


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("invoices", {(1, "mail"), (1, "note")}),
        ("INVOICES supplier", {(1, "mail"), (1, "note")}),
        ("invoi*", {(1, "mail"), (1, "note")}),
        ("invoi", set()),
        ("授权书", {(2, "mail")}),
        ("侵权", {(2, "mail")}),
        ("书权", set()),
        ("明天 mingxin", {(1, "note")}),
        ('"selling account"', {(1, "mail")}),
        ('"account selling"', set()),
        ("TM20261123001", {(2, "mail")}),
        ("B0CQ7M2XKD", {(1, "mail")}),
        ('") OR 1=1 --', set()),
        ("invoices NEAR(x", set()),
    ],
)
def test_what_is_found(world, query, hits):
    assert {(hit.case_id, hit.kind) for hit in search.found(world, query, 20)} == hits


def test_an_excerpt_shows_the_place_as_it_was_written(world):
    (hit,) = search.found(world, "授权书", 20)
    assert "[授权书]进行申诉" in hit.excerpt


@pytest.mark.parametrize("query", ["", "   ", '""', "***", "- -"])
def test_a_search_for_nothing_is_refused(world, query):
    with pytest.raises(UsageError, match="at least one word"):
        search.found(world, query, 20)
