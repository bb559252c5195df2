"""Embeddings of OpenAI: texts in, vectors out, in both codings."""

import struct
from base64 import b64encode

import msgspec
import pytest
from openai.types import CreateEmbeddingResponse

from seatrial.gateway.chat.request import EmbeddingRequest
from seatrial.gateway.chat.response import Embeddings, Usage
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.gateway.dialects.openai_embeddings import (
    read_embedding_request,
    read_embeddings,
    write_embedding_request,
    write_embeddings,
)

replaced = msgspec.structs.replace
USAGE = Usage(input_tokens=9, output_tokens=0)


@pytest.mark.parametrize(
    ("given_input", "inputs"),
    [
        ("cat", ("cat",)),
        (["cat", "dog"], ("cat", "dog")),
        ([1, 2, 3], ("1 2 3",)),
        ([[1, 2], [3]], ("1 2", "3")),
    ],
)
def test_texts_to_embed(given_input, inputs):
    body = {
        "model": "e",
        "input": given_input,
        "dimensions": 4,
        "encoding_format": "base64",
        "x": 1,
    }
    request = read_embedding_request(body)
    assert (request.inputs, request.dimensions) == (inputs, 4)
    assert write_embedding_request(request) == body
    changed = write_embedding_request(replaced(request, inputs=("a",), model="f", user="u"))
    assert changed == {**body, "input": ["a"], "model": "f", "user": "u"}
    bare = write_embedding_request(EmbeddingRequest(model="e", inputs=("a",)))
    assert bare == {"model": "e", "input": ["a"]}


@pytest.mark.parametrize("bad", [None, 5, [], [None], [[]], [["a"]], [1, "a"]])
def test_what_cannot_be_embedded(bad):
    with pytest.raises(RequestInvalid) as failed:
        read_embedding_request({"model": "e", "input": bad})
    assert str(failed.value.facts["place"]).startswith("input")


def test_vectors_are_read_in_both_codings_and_in_order():
    coded = b64encode(struct.pack("<2f", 0.5, -2.0)).decode()
    data = [{"index": 1, "embedding": coded}, {"index": 0, "embedding": [1.0, 2]}]
    read = read_embeddings({"model": "e", "data": data, "usage": {"prompt_tokens": 3}})
    assert read.vectors == ((1.0, 2), (0.5, -2.0))
    assert read.usage.input_tokens == 3


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [{"index": 0}],
        [{"embedding": "###"}],
        [{"embedding": "AAA="}],
        [{"index": 1, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}] * 2,
    ],
)
def test_what_is_no_list_of_vectors(data):
    with pytest.raises(RequestInvalid):
        read_embeddings({"data": data})


@pytest.mark.parametrize("in_base64", [False, True])
def test_vectors_are_written_as_the_client_asked(in_base64):
    made = Embeddings(model="e", vectors=((0.5, 1.5), (2.0, 4.0)), usage=USAGE)
    written = write_embeddings(made, in_base64=in_base64)
    assert read_embeddings(written).vectors == made.vectors
    assert isinstance(written["data"][0]["embedding"], str) == in_base64
    if not in_base64:
        taken = CreateEmbeddingResponse.model_validate(written)
        assert taken.usage.prompt_tokens == 9
    raw = {"model": "e", "data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": 1}, "x": 1}
    again = write_embeddings(read_embeddings(raw), in_base64=in_base64)
    assert (again["x"], again["usage"]) == (1, {"prompt_tokens": 1})
