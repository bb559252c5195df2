"""Documents: kept whole in their fact, numbered by content."""

from __future__ import annotations

import pytest

from seatrial.kernel.events import Draft
from seatrial.registry.catalog import VersionUnreadable
from seatrial.registry.documents import DocumentUnknown, documents, find, register
from seatrial.registry.naming import ModelNameInvalid
from seatrial.testing import MemoryStore


def put(store: MemoryStore, text: str, *, name: str = "ask") -> int:
    return register(
        store,
        "prompt",
        name,
        digest=text * 64,
        content={"text": text},
        source_name="ask.yaml",
        by="test",
    ).number


def test_a_content_has_one_number_however_often_it_comes():
    store = MemoryStore()
    assert [put(store, text) for text in ("a", "b", "a", "c", "b")] == [1, 2, 1, 3, 2]
    assert [d.content["text"] for d in documents(store, "prompt", "ask")] == ["a", "b", "c"]
    assert put(store, "b", name="other") == 1


def test_a_document_is_found_by_its_digest():
    store = MemoryStore()
    put(store, "a")
    found = find(store, "prompt", "ask", "a" * 64)
    assert (found.number, found.content, found.by) == (1, {"text": "a"}, "test")
    assert found.source_name == "ask.yaml"
    with pytest.raises(DocumentUnknown, match="digest bbbbbbbbbbbb"):
        find(store, "prompt", "ask", "b" * 64)
    with pytest.raises(DocumentUnknown):
        find(store, "index", "ask", "a" * 64)


def test_a_name_that_is_no_address_is_refused():
    with pytest.raises(ModelNameInvalid):
        put(MemoryStore(), "a", name="Ask me")


@pytest.mark.parametrize(
    "draft",
    [
        Draft(kind="document.registered", data={"version": 1}),
        Draft(kind="document.registered", data={}, schema=2),
    ],
)
def test_a_fact_that_cannot_be_read_says_so(draft: Draft):
    store = MemoryStore()
    store.append("prompt/ask", [draft], expected=0)
    with pytest.raises(VersionUnreadable, match="Revision 1 of 'prompt/ask'"):
        documents(store, "prompt", "ask")
