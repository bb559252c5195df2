"""Searching and asking over HTTP: who reads what, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.kernel.errors import SeatrialError, Unavailable
from seatrial.rag.index.conditions import Equals
from seatrial.rag.index.failures import IndexDamaged, IndexDenied, IndexUnavailable

from .conftest import House


def test_indexes_are_listed_and_told(house: House) -> None:
    (one,) = house.get("/v1/knowledge").json()["data"]
    assert one == house.get("/v1/knowledge/handbook").json()
    assert (one["name"], one["version"], one["chunks"]) == ("handbook", 3, 9)
    assert one["languages"] == {"en": 0.5, "unknown": 0.5}


def test_a_search_tells_where_each_passage_stands(house: House) -> None:
    body = house.search(k=5, filter={"year": 2024}).json()
    (passage,) = body["passages"]
    assert (body["version"], body["dense"], body["wordings"]) == (3, "full", ["leave days"])
    assert (passage["document"], passage["start"], passage["end"]) == ("hr/leave.md", 0, 17)
    assert (passage["text"], passage["metadata"]["tags"]) == ("Leave is 30 days.", ["hr"])
    (asked,) = house.knowledge.asked
    assert (asked.k, asked.where, asked.readers) == (5, Equals("year", 2024), frozenset())


def test_an_answer_cites_and_a_refusal_says_why(house: House) -> None:
    body = house.post("/v1/knowledge/handbook/answer", {"question": "How long?"}).json()
    assert body["refusal"] is None
    assert [one["support"] for one in body["sentences"]] == ["supported", "supported"]
    assert body["citations"][0]["text"] == "Leave is 30 days."
    refused = house.post("/v1/knowledge/handbook/answer", {"question": "unknown"}).json()
    assert (refused["refusal"], refused["citations"]) == ("not_answered", [])


def test_programs_on_this_machine_say_who_reads(house: House) -> None:
    house.search(readers=["hr", "anna"])
    assert house.knowledge.asked[-1].readers == {"hr", "anna"}


def test_a_key_reads_as_its_groups_and_can_only_be_narrowed(locked: House) -> None:
    secret, _ = locked.desk.create("app", by="me", groups=("hr", "legal"))
    for body, readers in (
        ({}, {"hr", "legal"}),
        ({"readers": ["hr", "board"]}, {"hr"}),
        ({"readers": []}, set()),
    ):
        assert locked.search(**body).status_code == 401
        sent = {"question": "How long?"} | body
        reply = locked.post("/v1/knowledge/handbook/search", sent, authorization=f"Bearer {secret}")
        assert reply.status_code == 200
        assert locked.knowledge.asked[-1].readers == readers
    assert locked.knowledge.asked[-1].caller.key is not None


def test_a_key_for_other_models_sees_no_index(locked: House) -> None:
    secret, _ = locked.desk.create("app", by="me", models=("small",))
    assert locked.get("/v1/knowledge", x_api_key=secret).json()["data"] == []
    assert locked.get("/v1/knowledge/handbook", x_api_key=secret).status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "not JSON"),
        ([], 400, "an object"),
        ({}, 400, "question is missing"),
        ({"question": 3}, 400, "a text"),
        ({"question": ""}, 400, "at least one character"),
        ({"question": "a", "k": 0}, 400, "at least 1"),
        ({"question": "a", "k": 9999}, 400, "at most 1000"),
        ({"question": "a", "filter": {"a": None}}, 400, "filter.a"),
        ({"question": "a", "readers": "hr"}, 400, "a list of texts"),
        ({"question": "a", "readers": [1]}, 400, "a list of texts"),
        ({"question": "a", "top_k": 3}, 400, "'top_k'"),
        ({"question": "a" * 20_000}, 413, "longer than"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    house: House, body: Any, status: int, said: str
) -> None:
    reply = house.post("/v1/knowledge/handbook/search", body)
    assert reply.status_code == status
    assert said in reply.json()["error"]
    assert house.knowledge.asked == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/knowledge/other/search", 404),
        ("/v1/knowledge/handbook/summary", 404),
        ("/v1/knowledge/handbook/search/more", 404),
        ("/v1/knowledge/handbook", 405),
        ("/v1/knowledge/%2e%2e%2fetc/search", 404),
    ],
)
def test_there_is_nothing_elsewhere(house: House, path: str, status: int) -> None:
    reply = house.post(path, {"question": "a"})
    assert reply.status_code == status
    assert reply.json()["code"]


def test_an_index_that_cannot_be_read_is_listed_and_hides_no_other(house: House) -> None:
    house.knowledge.problem = IndexDamaged("/srv/a.seg is gone.", remedy="Restore /srv/a.seg.")
    (one,) = house.get("/v1/knowledge").json()["data"]
    assert one == {
        "name": "handbook",
        "version": None,
        "error": "The index 'handbook' is damaged. Tell who runs the server: its log names the "
        "file.",
        "code": "rag.index_damaged",
    }
    assert house.search().status_code == 503  # no question is to blame


@pytest.mark.parametrize("kind", [IndexDamaged, IndexDenied, IndexUnavailable])
def test_no_place_on_the_server_is_told(
    house: House, kind: type[SeatrialError], caplog: pytest.LogCaptureFixture
) -> None:
    house.knowledge.problem = kind("/srv/a.seg is gone.", remedy="Look at /srv/a.seg.")
    reply = house.search()
    assert "srv" not in reply.text
    assert "'handbook'" in reply.text
    assert kind.code in reply.text
    assert "/srv/a.seg is gone." in caplog.text


def test_what_does_not_answer_is_told_as_503_and_what_breaks_as_500(house: House) -> None:
    house.knowledge.problem = Unavailable("The vectors do not answer.", remedy="Try again.")
    assert house.search().status_code == 503
    house.knowledge.problem = RuntimeError("secret path")
    reply = house.search()
    assert reply.status_code == 500
    assert "secret path" not in reply.text


def test_pages_of_other_sites_are_refused(house: House) -> None:
    reply = house.post(
        "/v1/knowledge/handbook/search", {"question": "a"}, origin="https://evil.example"
    )
    assert reply.status_code == 401


def test_the_routes_are_described(house: House) -> None:
    paths = house.get("/openapi.json").json()["paths"]
    assert "post" in paths["/v1/knowledge/{name}/answer"]
    assert "post" in paths["/v1/chat/completions"]
