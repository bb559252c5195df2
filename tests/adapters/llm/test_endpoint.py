"""Only plain addresses and headers are taken, and no secret is shown."""

import pytest

from seatrial.adapters.llm.endpoint import Endpoint, EndpointInvalid


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com/v1",
        "ftp://h/v1",
        "file:///etc/passwd",
        "http://",
        "http://h:99999/",
        "http://h:x/",
        "http://h/v1\r\nX: y",
        "http://h /v1",
        "https://user:pw@h/v1",
        "https://h/v1?key=1",
        "https://h/v1#x",
        "https://h/vé",
    ],
)
def test_only_a_plain_address_is_taken(url):
    with pytest.raises(EndpointInvalid) as failed:
        Endpoint(name="mine", base_url=url)
    assert "'mine'" in failed.value.problem
    assert "pw" not in str(failed.value)


def test_a_query_goes_with_every_path():
    endpoint = Endpoint(name="p", base_url="https://h/openai/", query="api-version=1")
    assert endpoint.url("/chat") == "https://h/openai/chat?api-version=1"


def test_headers_are_not_shown():
    assert "secret" not in repr(Endpoint(name="p", base_url="http://h", headers={"k": "secret"}))


@pytest.mark.parametrize("name", ["Authorization", "", "a\r\nb"])
@pytest.mark.parametrize("value", ["Bearer sk-1\n", "sk-1\x00", "sk-1é"])
def test_a_header_is_plain_and_its_value_is_not_told(name, value):
    with pytest.raises(EndpointInvalid) as failed:
        Endpoint(name="mine", base_url="https://h", headers={name: value})
    assert repr(name) in failed.value.problem
    assert "sk-1" not in str(failed.value)


def test_a_query_is_plain():
    with pytest.raises(EndpointInvalid, match="query"):
        Endpoint(name="mine", base_url="https://h", query="a=b c")
