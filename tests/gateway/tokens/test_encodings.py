import pytest

from seatrial.gateway.tokens.encodings import Encoding, encoding_of

# By tiktoken.encoding_for_model.
KNOWN = {
    "gpt-4": Encoding.CL100K,
    "gpt-4-0613": Encoding.CL100K,
    "gpt-4-turbo-2024-04-09": Encoding.CL100K,
    "gpt-3.5-turbo": Encoding.CL100K,
    "gpt-35-turbo": Encoding.CL100K,
    "text-embedding-3-small": Encoding.CL100K,
    "text-embedding-ada-002": Encoding.CL100K,
    "gpt-4o": Encoding.O200K,
    "gpt-4o-mini-2024-07-18": Encoding.O200K,
    "chatgpt-4o-latest": Encoding.O200K,
    "gpt-4.1-nano": Encoding.O200K,
    "gpt-5": Encoding.O200K,
    "gpt-5.4-mini": Encoding.O200K,
    "o1": Encoding.O200K,
    "o3-mini": Encoding.O200K,
    "o4-mini-2025-04-16": Encoding.O200K,
    "gpt-oss-120b": Encoding.HARMONY,
    "gpt-oss:20b": Encoding.HARMONY,
    "ft:gpt-4o-mini:acme::id": Encoding.O200K,
    "ft:gpt-3.5-turbo:acme::id": Encoding.CL100K,
    "openai/GPT-4o": Encoding.O200K,
}


@pytest.mark.parametrize(("model", "encoding"), KNOWN.items())
def test_a_model_of_openai_has_the_encoding_tiktoken_gives_it(model, encoding):
    assert encoding_of(model) is encoding


@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-5", "llama-3.1-8b", "gpt-6", "gpt-40", "o11", "o2", "gpt2", ""]
)
def test_another_model_has_none(model):
    assert encoding_of(model) is None
