"""The JSON API: who may what, pages of cases, every action; and all of it against its own description."""

from datetime import timedelta

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import NOW, a_raw
from triage.cases import history, queries
from triage.config import Web
from triage.labels import Status
from triage.people import tokens
from triage.people.users import Role
from triage.web import api as described
from triage.web.server import serve


class Program:
    def __init__(self, address, secret=""):
        self.address, self.web = f"{address}/api/v1", requests.Session()
        if secret:
            self.web.headers["Authorization"] = f"Bearer {secret}"

    def get(self, path, **query):
        return self.web.get(self.address + path, params=query, timeout=20)

    def post(self, path, **content):
        return self.web.post(self.address + path, json=content, timeout=20)


@pytest.fixture
def api(db, settings):
    serving = serve(
        settings.model_copy(update={"web": Web(listen="127.0.0.1:0", board=True)}), lambda: NOW, lambda: True
    )
    address = f"http://127.0.0.1:{serving.address[1]}"
    yield lambda scope="act": Program(address, tokens.add(db, f"erp {scope}", Role(scope), by="chen", now=NOW))
    serving.stop()


@pytest.fixture
def cases(take):
    take(a_raw())
    for subject, text in (
        (
            "Trademark complaint",
            "A rights owner reported trademark infringement: listing B0ABCDEFG1 was removed. Complaint ID: 1234567891",
        ),
        (
            "Verify your identity",
            "We could not verify your identity. Send a bank statement within 7 days or your account is deactivated.",
        ),
        (
            "Product safety recall",
            "A customer reported that your product caught fire. Listing B0ABCDEFG2 was removed. Send the safety test report.",
        ),
        (
            "Your late shipment rate is above target",
            "Your late shipment rate is 9.8 %, above the target of 4 %. Your account may be restricted.",
        ),
    ):
        take(a_raw(subject, text))
    return [1, 2, 3, 4, 5]


def test_without_a_token_and_beyond_its_scope_nothing_is_done(api, cases, db):
    viewer = api("view")
    assert viewer.get("/cases").status_code == 200
    refused = viewer.post("/cases/1/acknowledge")
    assert (refused.status_code, refused.json()) == (403, {"detail": "the token may view; this needs act"})
    stranger = Program(viewer.address.removesuffix("/api/v1"), "triage_" + "x" * 43)
    for answer in (
        stranger.get("/cases"),
        stranger.post("/cases/1/acknowledge"),
        requests.get(viewer.address + "/cases", timeout=20),
    ):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert queries.get(db, 1).status is Status.OPEN


def test_cases_come_a_page_at_a_time_each_once(api, cases, take):
    erp = api("view")
    first = erp.get("/cases", limit=2).json()
    take(
        a_raw("We suspended your account", "Your account is suspended: identity verification failed.", sent_at=NOW)
    )  # meanwhile
    seen = [case["case"] for case in first["cases"]]
    page = first
    while page["next"]:
        page = erp.get("/cases", limit=2, before=page["next"]).json()
        seen += [case["case"] for case in page["cases"]]
    assert seen == [5, 4, 3, 2, 1]
    assert [case["case"] for case in erp.get("/cases", cause="authenticity").json()["cases"]] == [1]
    assert erp.get("/cases", cause="nonsense").status_code == 422


def test_a_case_is_told_whole(api, cases):
    erp = api("view")
    case = erp.get("/cases/1", language="zh").json()
    assert case["advice"]["language"] == "zh"
    assert "authenticity" in case["messages"][0]["text"]
    assert erp.get("/cases/99").json() == {"detail": "there is no case 99"}
    assert erp.get("/cases/1/events").json()[0]["kind"] == "opened"
    assert erp.get("/search", q="trademark").json()[0]["kind"] == "mail"
    assert {store["platform"] for store in erp.get("/stores").json()} == {"amazon"}
    assert erp.get("/health").json()["well"] is False


def test_every_action_is_in_the_history_under_the_tokens_name(api, cases, db):
    erp = api()
    for action, content, kind in [
        ("acknowledge", {}, "acknowledged"),
        ("assign", {"to": "li"}, "assigned"),
        ("status", {"status": "preparing"}, "status"),
        ("note", {"text": "from the ERP"}, "note"),
        ("snooze", {"until": (NOW + timedelta(hours=2)).isoformat()}, "snoozed"),
        ("tick", {"item": "evidence.invoices"}, "ticked"),
        ("correct", {"cause": "kyc"}, "corrected"),
        ("close", {"note": "x"}, "closed"),
        ("undo", {}, "undone"),
    ]:
        answer = erp.post(f"/cases/1/{action}", **content)
        assert answer.status_code == 200, (action, answer.text)
        assert answer.json()["event"]["kind"] == kind
        assert (history.of_case(db, 1)[-1].kind, history.of_case(db, 1)[-1].by) == (kind, "erp act")
    assert erp.post("/cases/2/merge", other=3).json()["case"]["case"] == 2
    moved = [row["id"] for row in db.query("SELECT id FROM messages WHERE case_id = 2")]
    assert erp.post("/cases/2/split", messages=moved[1:]).json()["case"]["case"] == 6


def test_what_cannot_be_done_is_said_and_a_change_of_others_is_a_conflict(api, cases, db):
    erp = api()
    assert erp.post("/cases/1/undo").json()["detail"].startswith("case 1: nobody has changed it")
    assert erp.post("/cases/1/correct").status_code == 400
    assert erp.post("/cases/1/status", status="preparing", nonsense=1).status_code == 422
    seen = history.of_case(db, 1)[-1].id
    Program(erp.address.removesuffix("/api/v1"), tokens.add(db, "other", Role.ACT, by="x", now=NOW)).post(
        "/cases/1/acknowledge"
    )
    assert erp.post("/cases/1/close", seen=seen).status_code == 409
    assert queries.get(db, 1).status is Status.ACKNOWLEDGED


def test_a_token_of_some_accounts_knows_no_others(api, cases, db):
    for table, key in (("cases", "id"), ("messages", "case_id")):
        db.conn.execute(f"UPDATE {table} SET account = 'elsewhere' WHERE {key} = 2")
    db.conn.commit()
    everything = api()
    secret = tokens.add(db, "partner", Role.ACT, by="chen", now=NOW, accounts=frozenset({"shop"}))
    partner = Program(everything.address.removesuffix("/api/v1"), secret)
    assert 2 in {case["case"] for case in everything.get("/cases").json()["cases"]}
    assert {case["case"] for case in partner.get("/cases").json()["cases"]} == {1, 3, 4, 5}
    assert partner.get("/cases", account="elsewhere").json()["cases"] == []
    assert {hit["case_id"] for hit in everything.get("/search", q="trademark").json()} == {2}
    assert partner.get("/search", q="trademark").json() == []
    assert {store["account"] for store in partner.get("/stores").json()} == {"shop"}
    assert {box["account"] for box in partner.get("/health").json()["mailboxes"]} <= {"shop"}
    before = "\n".join(db.conn.iterdump())
    for path in ("/cases/2", "/cases/2/events"):
        assert partner.get(path).status_code == 404
    for path, content in (
        ("/cases/2/acknowledge", {}),
        ("/cases/2/note", {"text": "x"}),
        ("/cases/1/merge", {"other": 2}),
    ):
        refused = partner.post(path, **content)
        assert (refused.status_code, refused.json()) == (404, {"detail": "there is no case 2"})
    assert "\n".join(db.conn.iterdump()) == before


@pytest.fixture(scope="module")
def description(tmp_path_factory, models):
    from triage.config import Settings

    return described.application(Settings(data=tmp_path_factory.mktemp("d"), models=models), lambda: NOW).openapi()


def test_whatever_is_sent_the_api_answers_as_its_description_says(api, cases, description):
    """schemathesis makes requests out of the description, right and wrong ones; none may be answered otherwise."""
    erp = api()
    schema = schemathesis.openapi.from_dict(description)
    schema.config.update(base_url=erp.address)
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    tried = []

    for operation in schema.get_all_operations():
        operation = operation.ok()

        @tries(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def holds(case):
            answer = case.call(headers={"Authorization": erp.web.headers["Authorization"]}, timeout=20)
            case.validate_response(answer, checks=checks)
            tried.append(answer.status_code)

        holds()
    assert len(tried) > 200
    assert {200, 400, 404, 422} <= set(tried)
