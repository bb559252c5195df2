"""Providers see placeholders, callers see what they stand for."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.messages import Message, Role, Text, ToolCall, said
from seatrial.gateway.chat.request import ChatRequest, DialectName, EmbeddingRequest, Tool
from seatrial.gateway.chat.transcript import assembled
from seatrial.gateway.policies.guard import Guarded, Spoken
from seatrial.gateway.policies.pseudonyms import Pseudonyms
from seatrial.testing.fake_time import in_fake_time
from seatrial.testing.scripted_provider import ScriptedProvider, Turn

ANA, BOB, PHONE = "ana@example.com", "bob@example.com", "13812345678"


@in_fake_time
async def test_the_provider_sees_placeholders_and_the_caller_what_they_stand_for(
    asked, called, pieces_of
):
    call = ToolCall(id="t", name="mail", arguments='{"to": "<EMAIL_1>"}')
    turn = Turn(text="I write to <EMAIL_1> and not <EMAIL_2>, nor <EMAIL_9>.", tool_calls=(call,))
    provider = ScriptedProvider([turn])
    guarded = Guarded(provider, [Pseudonyms()])
    request = asked(f"Mail {ANA}, not {BOB}; {ANA} knows. Ring {PHONE}.", user=ANA)
    whole = await guarded.chat(request, called())
    assert whole.text == f"I write to {ANA} and not {BOB}, nor <EMAIL_9>."
    assert whole.choices[0].message.tool_calls[0].arguments == json.dumps({"to": ANA})
    sent = provider.heard[0].request
    assert sent.messages[0].text == (
        "Mail <EMAIL_1>, not <EMAIL_2>; <EMAIL_1> knows. Ring <PHONE_3>."
    )
    assert sent.user == "<EMAIL_1>"
    assert assembled(await pieces_of(guarded, request, called())) == whole


def test_raw_forms_are_changed_with_the_rest_but_no_image_is():
    image = "data:image/png;base64,13812345678"
    raw = {
        "role": "user",
        "content": [
            {"type": "text", "text": f"To {ANA}", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": image}},
            {"type": "image", "source": {"type": "base64", "data": PHONE}},
        ],
    }
    body = {"model": "m", "messages": [raw], "metadata": {"by": BOB}, "n": 1}
    request = ChatRequest(
        model="m",
        messages=(Message(role=Role.USER, parts=(Text(f"To {ANA}"),), raw=raw),),
        tools=(Tool(name="t", description=f"as {ANA}", raw={"d": f"as {ANA}"}),),
        dialect=DialectName.OPENAI,
        raw=body,
    )
    sent = Pseudonyms().chat(request).request
    everything = str((sent.messages, sent.tools, sent.raw))
    assert ANA not in everything
    assert BOB not in everything
    assert everything.count("<EMAIL_1>") == 5
    assert everything.count(image) == 2
    assert sent.raw is not None
    assert sent.raw["n"] == 1
    assert sent.raw["messages"][0] == sent.messages[0].raw


def test_requests_that_differ_in_a_name_alone_are_sent_alike():
    first, second = (
        Pseudonyms().chat(ChatRequest(model="m", messages=(said(Role.USER, f"Greet {who}"),)))
        for who in (ANA, BOB)
    )
    assert first.request == second.request


def test_what_the_request_itself_calls_a_placeholder_stays_its_own():
    text = f"<EMAIL_4> is not {ANA}"
    passed = Pseudonyms().chat(ChatRequest(model="m", messages=(said(Role.USER, text),)))
    assert passed.request.messages[0].text == "<EMAIL_4> is not <EMAIL_5>"
    assert passed.reader is not None
    reader = passed.reader(Spoken.TEXT)
    assert reader.feed("<EMAIL_4> <EMAIL_5>") + reader.end() == f"<EMAIL_4> {ANA}"


def test_a_request_without_anything_sensitive_is_the_same():
    request = ChatRequest(model="m", messages=(said(Role.USER, "Hello"),))
    passed = Pseudonyms().chat(request)
    assert passed.request is request
    assert passed.reader is None


def test_inputs_of_embeddings_are_replaced_in_both_forms():
    request = EmbeddingRequest(model="e", inputs=(f"a {ANA}",), raw={"input": f"a {ANA}", "x": 1})
    sent = Pseudonyms().embed(request)
    assert sent.inputs == ("a <EMAIL_1>",)
    assert sent.raw == {"input": ["a <EMAIL_1>"], "x": 1}
    plain = EmbeddingRequest(model="e", inputs=("a",))
    assert Pseudonyms().embed(plain) is plain


def test_in_arguments_a_value_stays_json():
    text = "Keep -----BEGIN PRIVATE KEY-----\nMIIEpAIBA\n-----END PRIVATE KEY----- safe"
    passed = Pseudonyms().chat(ChatRequest(model="m", messages=(said(Role.USER, text),)))
    assert passed.reader is not None
    reader = passed.reader(Spoken.ARGUMENTS)
    arguments = reader.feed('{"key": "<PRIVATE_KEY_1>"}') + reader.end()
    assert json.loads(arguments)["key"] in text


@given(
    st.lists(st.sampled_from(["<EMAIL_1>", "<EMAIL_2>", "<", ">", "<EMAIL_", "a", " 1"])).map(
        "".join
    ),
    st.lists(st.integers(0, 60), max_size=20),
)
def test_wherever_an_answer_is_cut_it_is_restored_alike(text, places):
    passed = Pseudonyms().chat(ChatRequest(model="m", messages=(said(Role.USER, ANA),)))
    assert passed.reader is not None
    reader = passed.reader(Spoken.TEXT)
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    pieces = [text[a:b] for a, b in pairwise(edges)]
    assert "".join(map(reader.feed, pieces)) + reader.end() == text.replace("<EMAIL_1>", ANA)
