"""Who may use the control routes: the rule alone."""

from __future__ import annotations

import hmac
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.errors import Denied
from seatrial.web.guard import COOKIE, ForeignRequest, Guard, TokenNeeded

OPEN, LOCKED = Guard(token=None), Guard(token="correct-horse")
HERE = {"host": "127.0.0.1:8080"}


def check(
    guard: Guard,
    *,
    client: str = "127.0.0.1",
    headers: dict[str, str] | None = None,
    cookies: dict[str, str] | None = None,
) -> None:
    guard.check(client=client, headers=HERE if headers is None else headers, cookies=cookies or {})


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "localhost:1", "[::1]:8080"])
@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.9.10", "::1"])
def test_without_a_token_this_machine_may(client: str, host: str) -> None:
    check(OPEN, client=client, headers={"host": host})


@pytest.mark.parametrize(
    "client", ["203.0.113.5", "10.0.0.1", "::ffff:203.0.113.5", "", "nonsense"]
)
def test_without_a_token_no_other_machine_may(client: str) -> None:
    with pytest.raises(ForeignRequest, match="this machine only"):
        check(OPEN, client=client)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "",
     "127.0.0.1@evil.example", "[", "[::1", "0.0.0.0", "evil.example#localhost"],
)  # fmt: skip
def test_a_page_that_rebinds_its_name_to_loopback_is_refused(host: str) -> None:
    with pytest.raises(ForeignRequest):
        check(OPEN, headers={"host": host})


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1:8081", "http://localhost:8080", "null", "", "http://[",
     "http://127.0.0.1:8080.evil.example"],
)  # fmt: skip
@pytest.mark.parametrize("guard", [OPEN, LOCKED], ids=["open", "locked"])
def test_a_page_of_another_origin_is_refused_whatever_it_knows(guard: Guard, origin: str) -> None:
    known = {"authorization": "Bearer correct-horse", "origin": origin}
    with pytest.raises(ForeignRequest, match="may not use"):
        check(guard, headers=HERE | known)


@pytest.mark.parametrize(
    "name", ["forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip"]
)
def test_without_a_token_what_a_proxy_passes_on_is_from_elsewhere(name: str) -> None:
    with pytest.raises(ForeignRequest, match="this machine only"):
        check(OPEN, headers=HERE | {name: "127.0.0.1"})
    check(LOCKED, headers=HERE | {name: "x", "authorization": "Bearer correct-horse"})


def test_a_page_of_this_server_may() -> None:
    check(OPEN, headers=HERE | {"origin": "http://127.0.0.1:8080"})


@pytest.mark.parametrize("said", ["Bearer correct-horse", "bearer correct-horse"])
def test_whoever_has_the_token_may_from_anywhere(said: str) -> None:
    check(LOCKED, client="203.0.113.5", headers={"host": "models.example", "authorization": said})


def test_a_browser_may_keep_the_token_in_a_cookie() -> None:
    check(LOCKED, cookies={COOKIE: "correct-horse"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer correct-hors"},
        {"authorization": "Bearer correct-horse2"},
        {"authorization": "Bearer CORRECT-HORSE"},
        {"authorization": "Basic correct-horse"},
        {"authorization": "Bearer größer"},
    ],
    ids=str,
)
def test_with_a_token_not_even_this_machine_may_without_it(headers: dict[str, str]) -> None:
    with pytest.raises(TokenNeeded, match="needs the control token"):
        check(LOCKED, headers=HERE | headers)


def test_a_wrong_cookie_does_not_do() -> None:
    with pytest.raises(TokenNeeded):
        check(LOCKED, cookies={COOKIE: "wrong"})


@given(given_token=st.text(st.characters(max_codepoint=255)))
def test_no_other_token_does(given_token: str) -> None:
    if given_token == LOCKED.token:
        return
    with pytest.raises(TokenNeeded):
        check(LOCKED, headers=HERE | {"authorization": f"Bearer {given_token}"})


@given(headers=st.dictionaries(st.sampled_from(["host", "origin", "authorization"]), st.text()))
def test_whatever_is_sent_passes_or_is_denied(headers: dict[str, str]) -> None:
    for guard in (OPEN, LOCKED):
        with suppress(Denied):
            check(guard, headers=headers)


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = hmac.compare_digest

    def watched(a: Any, b: Any) -> bool:
        compared.append((a, b))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    check(LOCKED, headers=HERE | {"authorization": "Bearer correct-horse"})
    assert compared == [(b"correct-horse", b"correct-horse")]
