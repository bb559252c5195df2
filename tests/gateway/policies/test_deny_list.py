"""What a deny list finds, wherever a stream is cut, and how long it takes."""

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.messages import Message, Role, ToolCall, ToolResult, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest, Tool
from seatrial.gateway.policies.deny_list import DenyEntryInvalid, DenyList
from seatrial.gateway.policies.guard import AnswerBlocked, Blocked, Spoken

ENTRIES = ["foo", "bad word", "项目甲", "pass*word", "id-###", "naïve", "Straße", "?x?", "c++"]


def denied(text: str, entries: list[str] = ENTRIES) -> bool:
    """Whether a request with a text is."""
    try:
        DenyList("l", entries).chat(ChatRequest(model="m", messages=(said(Role.USER, text),)))
    except Blocked:
        return True
    return False


@pytest.mark.parametrize(
    "text",
    [
        "foo",
        "A Foo!",
        "(FOO)",
        "ｆｏｏ in wide letters",
        "问foo吗",
        "a bad word",
        "a bad \n word",
        "我说项目甲的事",
        "password",
        "pass_my_long_word",
        "id-123",
        "NAÏVE",
        "nai\u0308ve",
        "STRASSE",
        "the axb",
        "write c++ now",
    ],
)
def test_an_entry_is_found(text):
    assert denied(text)


@pytest.mark.parametrize(
    "text",
    [
        "food",
        "afoo",
        "foo_1",
        "badword",
        "bad words",
        "项目乙",
        "pass the word",
        "password1",
        "id-12",
        "id-1234",
        "xx",
        "abxbc",
        "pass" + "a" * 33 + "word",
        "",
    ],
)
def test_what_only_resembles_an_entry_is_not(text):
    assert not denied(text)


def test_a_star_at_an_edge_stands_for_the_rest_of_the_word():
    assert denied("unbelievable", ["un*"])
    assert denied("unbelievable", ["*able"])
    assert denied("unbelievable", ["*liev*"])
    assert not denied("fun", ["un*"])


@pytest.mark.parametrize(
    "messages",
    [
        (Message(role=Role.TOOL, parts=(ToolResult(call_id="a", content="a foo"),)),),
        (Message(role=Role.ASSISTANT, parts=(ToolCall(id="a", name="n", arguments="foo"),)),),
    ],
)
def test_all_texts_of_a_request_are_looked_at(messages):
    with pytest.raises(Blocked, match=r"'foo'.*'names'") as caught:
        DenyList("names", ["foo"]).chat(ChatRequest(model="m", messages=messages))
    assert caught.value.facts["guard"] == "names"


def test_descriptions_of_tools_and_inputs_of_embeddings_are_looked_at():
    guard = DenyList("names", ["foo"])
    tools = (Tool(name="t", description="does foo"),)
    request = ChatRequest(model="m", messages=(said(Role.USER, "a"),), tools=tools)
    with pytest.raises(Blocked):
        guard.chat(request)
    with pytest.raises(Blocked):
        guard.embed(EmbeddingRequest(model="e", inputs=("a", "a foo")))
    assert guard.embed(EmbeddingRequest(model="e", inputs=("a",))).inputs == ("a",)


def read_along(pieces: list[str], entries: list[str] = ENTRIES) -> tuple[str, bool]:
    """What was passed on, and whether the rest was blocked."""
    request = ChatRequest(model="m", messages=(said(Role.USER, "a"),))
    make: Any = DenyList("l", entries).chat(request).reader
    reader, passed = make(Spoken.TEXT), ""
    try:
        for piece in pieces:
            passed += reader.feed(piece)
        return passed + reader.end(), False
    except AnswerBlocked:
        return passed, True


def cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in pairwise(edges)] or [""]


WORDS = st.sampled_from(
    ["foo", "food", "bad", "word", "项目", "甲", "pass", "id-", "123", "a", "c++", "ﬁ", " ", "ï"]
)


@given(st.lists(WORDS, max_size=12).map("".join), st.lists(st.integers(0, 100), max_size=20))
def test_an_answer_in_pieces_is_judged_like_the_whole_and_nothing_denied_is_passed_on(text, places):
    passed, blocked = read_along(cut(text, places))
    assert blocked == denied(text)
    if blocked:
        assert text.startswith(passed)
        assert not denied(passed)
    else:
        assert passed == text


def test_the_error_for_an_answer_does_not_say_what_it_was():
    request = ChatRequest(model="m", messages=(said(Role.USER, "a"),))
    make: Any = DenyList("names", ["foo"]).chat(request).reader
    with pytest.raises(AnswerBlocked, match="'names'") as caught:
        make(Spoken.TEXT).feed("a foo is")
    assert "foo" not in str(caught.value)


def test_a_word_that_goes_on_is_another():
    assert read_along(["foo", "d for all"]) == ("food for all", False)
    assert read_along(["foo"])[1]
    assert read_along(["a" * 500 + "f", "oo bar"], ["foo"]) == ("a" * 500 + "foo bar", False)


def test_little_is_held_back():
    request = ChatRequest(model="m", messages=(said(Role.USER, "a"),))
    make: Any = DenyList("l", ["foo"]).chat(request).reader
    assert len(make(Spoken.TEXT).feed("x" * 1000)) > 970


@pytest.mark.parametrize("entry", ["", " ", "*", "#?", "a*b*c*d*e*f", "a" * 201])
def test_what_cannot_be_searched_for_is_refused(entry):
    with pytest.raises(DenyEntryInvalid, match="'names'"):
        DenyList("names", ["ok", entry])


def test_a_list_without_entries_is_refused():
    with pytest.raises(DenyEntryInvalid, match="denies nothing"):
        DenyList("names", [])


HOSTILE = ["a", "ab", "a ", "x*y*z*w*v", "项"]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_text_takes_time_that_is_linear_in_its_length(unit):
    entries = ["a*a*a*a*b", "*a*a*a*b", "项*项*项*项*甲", "a" * 199 + "b", "ab" * 99 + "c"]
    entries += [f"word{number}" for number in range(2000)]
    guard = DenyList("l", entries)
    request = ChatRequest(model="m", messages=(said(Role.USER, (unit * 1_000_000)[:1_000_000]),))
    began = time.process_time()
    guard.chat(request)
    assert time.process_time() - began < 8.0
