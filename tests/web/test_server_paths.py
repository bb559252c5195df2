"""What clients are told of the server's files: their names, not where they are."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.request import DialectName
from seatrial.kernel.errors import LimitExceeded, Unavailable
from seatrial.serving.exchange import BodyTooLarge
from seatrial.web.errors import error_reply
from seatrial.web.llm.refusal import refused
from seatrial.web.server_paths import shortened, without_places

ROUTE = "/nowhere-at-all/models/churn"


class StoreGone(Unavailable):
    code = "store.gone"


def gone(folder: Path) -> StoreGone:
    path = folder / "my state" / "seatrial.db"
    return StoreGone(
        f"The store {str(path)!r} is not there.",
        remedy=f"Make it: mkdir -p {folder}/state.",
        retry_after_s=3,
    )


def test_no_reply_over_http_says_where_the_servers_files_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        replies = [
            error_reply(gone(tmp_path), "/api/endpoints"),
            refused(gone(tmp_path), DialectName.OPENAI, "r1"),
            refused(gone(tmp_path), DialectName.ANTHROPIC, "r1"),
        ]
    for reply in replies:
        said = json.dumps(json.loads(reply.body), ensure_ascii=False)
        assert str(tmp_path) not in said
        assert "The store '…/seatrial.db' is not there. Make it: mkdir -p …/state." in said
        assert reply.status == 503
        assert (b"retry-after", b"3") in reply.headers
    assert str(tmp_path) in caplog.text  # whoever runs the server finds it there
    assert "store.gone" in caplog.text


def test_an_error_keeps_its_kind_and_its_facts(tmp_path: Path) -> None:
    error = gone(tmp_path)
    told = without_places(error)
    assert isinstance(told, StoreGone)
    assert told.facts == {"retry_after_s": 3}
    assert str(told) == f"{told.problem} {told.remedy}"
    assert str(tmp_path) in error.problem
    assert without_places(told) is told


def test_an_error_that_names_no_file_is_told_as_it_is() -> None:
    for error in (
        LimitExceeded(f"There is nothing at {ROUTE!r}.", remedy="See /docs, or text/csv."),
        BodyTooLarge(5),
    ):
        assert without_places(error) is error


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/tmp/a/b.db: no space", "…/b.db: no space"),
        ("See (/tmp/a/b.db).", "See (…/b.db)."),
        ("sqlite:////tmp/a/b", "sqlite:////tmp/a/b"),
        ("ask http://h/tmp/a/b", "ask http://h/tmp/a/b"),
        ('"/tmp/with space/b c.db" and `/tmp/x/y`', '"…/b c.db" and `…/y`'),
        ("from /tmp/a/ to /tmp/b/", "from …/a to …/b"),
        ("/tmp", "/tmp"),
        (f"POST {ROUTE}/infer", f"POST {ROUTE}/infer"),
        ("items/0/name at /0/name", "items/0/name at /0/name"),
        ("", ""),
    ],
)
def test_only_a_place_on_this_machine_is_shortened(text: str, told: str) -> None:
    assert shortened(text) == told


@given(st.text(alphabet="/ '\"`.:,…tmpah\\\n", max_size=40))
def test_what_was_shortened_is_not_shortened_again(text: str) -> None:
    once = shortened(text)
    assert shortened(once) == once
    assert len(once) <= len(text)
