import pytest

from seatrial.gateway.chat.messages import Image, Message, Role, Text, ToolResult, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest, Tool
from seatrial.gateway.policies.size_limits import RequestTooLarge, SizeLimits, n_bytes

REQUEST = ChatRequest(
    model="m",
    messages=(
        said(Role.USER, "héé"),
        Message(role=Role.USER, parts=(Image(data="AAAA"), Image(url="https://example.org"))),
        Message(role=Role.TOOL, parts=(ToolResult(call_id="t", content="中"), Text("\ud800"))),
    ),
    tools=(Tool(name="t", description="abc", parameters={"a": 1}), Tool(name="u")),
)


def test_bytes_are_those_of_texts_schemas_and_images():
    assert n_bytes(REQUEST) == 5 + 4 + 3 + 3 + 3 + len('{"a":1}')


@pytest.mark.parametrize(
    ("what", "n"), [("bytes", n_bytes(REQUEST)), ("messages", 3), ("tools", 2)]
)
def test_a_request_may_be_as_large_as_the_limit_and_no_larger(what, n):
    assert SizeLimits(**{f"max_{what}": n}).chat(REQUEST).request is REQUEST
    with pytest.raises(RequestTooLarge, match=f"has {n} {what}; at most {n - 1}") as caught:
        SizeLimits(**{f"max_{what}": n - 1}).chat(REQUEST)
    assert caught.value.facts == {"what": what, "n": n, "limit": n - 1}


@pytest.mark.parametrize(("what", "n"), [("bytes", 5), ("inputs", 2)])
def test_embeddings_have_limits_too(what, n):
    request = EmbeddingRequest(model="e", inputs=("é", "abc"))
    assert SizeLimits(**{f"max_{what}": n}).embed(request) is request
    with pytest.raises(RequestTooLarge):
        SizeLimits(**{f"max_{what}": n - 1}).embed(request)


def test_without_limits_everything_passes():
    assert SizeLimits().chat(REQUEST).request is REQUEST
