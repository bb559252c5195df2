import pytest
from msgspec.structs import replace

from seatrial.gateway.chat.messages import Image, Role, Text, said
from seatrial.gateway.chat.request import Format, ResponseFormat, Tool
from seatrial.gateway.dialects import anthropic, openai
from seatrial.gateway.policies.answer_key import chat_key
from seatrial.gateway.policies.question import question_of


def scope(request):
    question = question_of(request)
    return None if question is None else chat_key(question.rest, tenant="t", route="r")


BODIES = {
    "text": lambda text: {"role": "user", "content": text},
    "part": lambda text: {"role": "user", "content": [{"type": "text", "text": text}]},
}


def openai_request(message, **fields):
    return openai.read_request(
        {"model": "m", "messages": [{"role": "system", "content": "Be kind."}, message]} | fields
    )


def anthropic_request(message, **fields):
    body = {"model": "m", "max_tokens": 9, "messages": [message], "system": "Be kind."}
    return anthropic.read_request(body | fields)


@pytest.mark.parametrize("read", [openai_request, anthropic_request])
@pytest.mark.parametrize("form", BODIES)
def test_only_the_text_of_the_last_message_is_not_in_what_must_be_equal(read, form):
    write = BODIES[form]
    assert question_of(read(write("What?"))).text == "What?"
    assert scope(read(write("What?"))) == scope(read(write("Why?")))
    assert scope(read(write("What?"))) != scope(read(write("What?"), temperature=0))
    assert scope(read(write("What?"))) != scope(read(write("What?"), unheard_of=1))
    marked = write("What?") | {"unheard_of": 1}
    assert scope(read(marked)) != scope(read(write("What?")))


def test_the_conversation_before_must_be_equal(asked):
    before = (said(Role.USER, "Hello"), said(Role.ASSISTANT, "Yes?"))
    one, other = asked("What?"), asked("Why?")
    longer = replace(one, messages=(*before, *one.messages))
    assert scope(one) == scope(other)
    assert scope(longer) not in (None, scope(one))


UNFIT = {
    "tools": {"tools": (Tool(name="look"),)},
    "several answers": {"n": 2},
    "a form": {"response_format": ResponseFormat(form=Format.JSON)},
    "an answer last": {"messages": (said(Role.ASSISTANT, "So"),)},
    "nothing": {"messages": ()},
}


@pytest.mark.parametrize("fields", UNFIT.values(), ids=list(UNFIT))
def test_a_request_that_wants_more_than_a_text_has_no_question(asked, fields):
    assert question_of(replace(asked(), **fields)) is None


def test_a_question_with_an_image_is_none(asked):
    message = said(Role.USER, "What is this?")
    shown = replace(message, parts=(*message.parts, Image(url="https://a/b.png")))
    assert question_of(replace(asked(), messages=(shown,))) is None


@pytest.mark.parametrize(
    "raw",
    [
        {"content": 3},
        {"content": None},
        {"content": []},
        {"content": ["What?"]},
        {"content": [{"text": 3}]},
        {"content": [{"text": "a"}, {"text": "b"}]},
    ],
)
def test_a_message_written_in_another_way_is_none(asked, raw):
    message = replace(said(Role.USER, "What?"), raw=raw)
    assert question_of(replace(asked(), messages=(message,), raw={"messages": [raw]})) is None


def test_a_body_that_does_not_end_with_the_message_has_no_question(asked):
    written = {"role": "user", "content": "What?"}
    message = replace(said(Role.USER, "What?"), raw=written)
    for messages in ([], "What?", [dict(written)], [written, {"role": "user", "content": "x"}]):
        request = replace(asked(), messages=(message,), raw={"messages": messages})
        assert question_of(request) is None


def test_an_empty_text_is_a_question_of_its_own(asked):
    assert question_of(asked("")).text == ""
    assert question_of(
        replace(asked(), messages=(replace(said(Role.USER, ""), parts=(Text("x"),)),))
    )
