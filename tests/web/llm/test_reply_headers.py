"""What the headers of a reply say of its call."""

from __future__ import annotations

from decimal import Decimal

from seatrial.gateway.chat.call import Attempt, CacheUse, Call, Journal
from seatrial.gateway.dialects.crossing import LOST_FIELDS
from seatrial.gateway.policies.similar import SIMILARITY
from seatrial.serving.exchange import Request
from seatrial.web.llm.reply_headers import headers_of
from seatrial.web.llm.visit import Visit
from seatrial.web.llm.wires import OPENAI


def headers(journal: Journal) -> dict[str, str]:
    visit = Visit(Request("POST", "/", b"", {b"x-request-id": b"r1"}, b""), OPENAI)
    visit.call = Call(id="r1", deadline=1.0, journal=journal)
    return {name.decode(): value.decode() for name, value in headers_of(visit)}


def test_a_call_that_came_no_further_than_the_door_has_its_id_alone() -> None:
    assert headers(Journal()) == {"x-request-id": "r1", "request-id": "r1"}


def test_who_answered_and_what_all_attempts_cost_is_told() -> None:
    journal = Journal()
    journal.cache = CacheUse.MISS
    journal.attempts += [
        Attempt(provider="a", model="m", began=0, ended=1, cost_usd=Decimal("0.5")),
        Attempt(provider="b", model="n\r\nx: 1", began=0, ended=1, cost_usd=Decimal("0.0100")),
    ]
    found = headers(journal)
    assert found["x-seatrial-model"] == "b/n??x:?1"
    assert found["x-seatrial-attempts"] == "2"
    assert found["x-seatrial-cost-usd"] == "0.51"
    assert found["x-seatrial-cache"] == "miss"
    assert "x-seatrial-dropped-messages" not in found
    assert "x-seatrial-lost-fields" not in found


def test_an_answer_to_other_words_tells_how_near_they_were_and_what_finding_it_cost() -> None:
    journal = Journal()
    journal.cache = CacheUse.SEMANTIC
    journal.notes[SIMILARITY] = 0.98765
    journal.beside += [Attempt(provider="a", model="e", began=0, ended=1, cost_usd=Decimal("0.01"))]
    found = headers(journal)
    assert found["x-seatrial-cache"] == "semantic"
    assert found["x-seatrial-similarity"] == "0.9877"
    assert found["x-seatrial-cost-usd"] == "0.01"
    assert "x-seatrial-attempts" not in found
    assert "x-seatrial-model" not in found


def test_what_did_not_reach_who_answered_is_told() -> None:
    journal = Journal()
    journal.notes |= {"fit.dropped_messages": 7, LOST_FIELDS: ("seed", "tools.é")}
    found = headers(journal)
    assert found["x-seatrial-dropped-messages"] == "7"
    assert found["x-seatrial-lost-fields"] == "seed,tools.?"
