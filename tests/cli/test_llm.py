"""seatrial llm: keys, models, usage."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest

from seatrial.adapters.ledger.sqlite import SqliteLedger
from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.cli.exits import Exit
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.budget import Payer
from seatrial.gateway.ledger.ledger import Settle, attempt_id
from seatrial.gateway.ledger.usage import Record
from seatrial.gateway.routes.keys import STREAM


def test_a_key_is_printed_once_on_stdout_and_kept_nowhere(home, seatrial) -> None:
    code, out, err = seatrial("llm", "keys", "create", "ana", "--models", "m,n", "--budget", "2.50")
    secret = out.strip()
    assert code == Exit.DONE
    assert secret.startswith("sk-seatrial-")
    assert secret not in err
    store = SqliteStore.from_url(f"sqlite:///{home.folder / 'seatrial.db'}")
    assert secret.removeprefix("sk-seatrial-").partition("-")[2] not in str(
        store.read(stream=STREAM)
    )
    store.close()
    _, listed, _ = seatrial("llm", "keys", "list", "--json")
    (record,) = json.loads(listed)
    assert (record["name"], record["models"], record["budget_usd"]) == ("ana", ["m", "n"], "2.50")
    assert "digest" not in record


def test_keys_are_listed_for_people(home, seatrial) -> None:
    assert "There is no key yet" in seatrial("llm", "keys", "list")[2]
    seatrial("llm", "keys", "create", "ana", "--budget", "2.50", "--window", "day")
    limits = ("--requests-per-minute", "60", "--tokens-per-minute", "9000")
    seatrial("llm", "keys", "create", "bob", "--models", "m", "--expires", "0", *limits)
    seatrial("llm", "keys", "revoke", "ana")
    _, out, err = seatrial("llm", "keys", "list")
    assert out == ""
    ana, bob = err.splitlines()
    assert ana.endswith("ana                     $2.50 a day  revoked")
    assert "60 requests a minute; 9000 tokens a minute; for m; until 20" in bob
    assert bob.endswith("expired")


def test_models_that_are_not_there_are_told(home, seatrial, tmp_path) -> None:
    config = tmp_path / "own.yaml"
    config.write_text(
        "gateway: {providers: {one: {kind: openai}}, models: {small: one/m, large: one/n}}"
    )
    made = ("llm", "keys", "create", "ana", "--models", "small,smal", "--config", str(config))
    code, _, err = seatrial(*made)
    assert code == Exit.DONE
    assert "there is no smal yet; models are: small, large" in err
    assert "no small yet" not in err


def test_what_is_wrong_with_a_key_is_said(home, seatrial) -> None:
    seatrial("llm", "keys", "create", "ana")
    assert seatrial("llm", "keys", "create", "ana")[0] == Exit.INVALID
    assert seatrial("llm", "keys", "revoke", "bob")[0] == Exit.NOT_FOUND
    assert seatrial("llm", "keys", "create", "bob", "--budget", "lots")[0] == Exit.USAGE
    assert seatrial("llm", "keys", "create", "bob", "--budget", "-1")[0] == Exit.USAGE
    assert seatrial("llm", "keys", "create", "bob", "--budget", "1e9")[0] == Exit.INVALID


def spend(home, key: str | None) -> None:
    ledger = SqliteLedger(home.folder / "llm.db")
    usage = Usage(input_tokens=1000, output_tokens=20)
    payers = (
        Payer(provider="one", model="gpt", key=key, user="=cmd()", tags={"team": "a"}),
        Payer(provider="one", model="gpt", key=key),
        Payer(provider="two", model="odd"),
    )
    for n, payer in enumerate(payers):
        at_us = int(time.time() * 1e6)
        record = Record(
            id=attempt_id(at_us, "call", n),
            at_us=at_us,
            payer=payer,
            cost=None if payer.model == "odd" else 1_500_000,
            usage=usage,
            latency_us=500_000,
        )
        ledger.apply([Settle(record)])
    ledger.close()


def test_usage_is_a_table_that_names_keys_and_what_has_no_price(home, seatrial) -> None:
    seatrial("llm", "keys", "create", "ana")
    key = json.loads(seatrial("llm", "keys", "list", "--json")[1])[0]["id"]
    spend(home, key)
    code, out, err = seatrial("llm", "usage", "--by", "key,model")
    assert (code, out) == (Exit.DONE, "")
    head, *rows, note = err.splitlines()
    assert head.split() == ["key", "model", "calls", "failed", "cached", "input", "output", "USD"]
    assert sorted(row.split()[:4] for row in rows) == [
        ["-", "odd", "1", "0"],
        ["ana", "gpt", "2", "0"],
    ]
    assert "1 calls have no known price" in note


def test_usage_for_machines_is_exact(home, seatrial) -> None:
    spend(home, None)
    records = json.loads(seatrial("llm", "usage", "--by", "provider", "--json")[1])
    one = next(record for record in records if record["provider"] == "one")
    assert (one["n"], one["input_tokens"], one["mean_latency_s"]) == (2, 2000, 0.5)
    assert one["p95_s"] == pytest.approx(0.5, rel=0.05)
    assert float(one["cost_usd"]) > 0
    by_tag = json.loads(seatrial("llm", "usage", "--by", "tag", "--tag", "team", "--json")[1])
    assert {record["tag"] for record in by_tag} == {None, "a"}


def test_a_spreadsheet_gets_no_formula(home, seatrial) -> None:
    spend(home, None)
    _, out, _ = seatrial("llm", "usage", "--by", "user", "--csv")
    users = [row["user"] for row in csv.DictReader(io.StringIO(out))]
    assert "'=cmd()" in users
    assert "=cmd()" not in users


def test_usage_of_nothing_and_of_a_wrong_question(home, seatrial) -> None:
    assert "No call was made" in seatrial("llm", "usage")[2]
    assert seatrial("llm", "usage", "--by", "tag")[0] == Exit.USAGE
    assert seatrial("llm", "usage", "--by", "moon")[0] == Exit.USAGE
    assert seatrial("llm", "usage", "--csv", "--json")[0] == Exit.USAGE


def test_models_are_listed_in_the_order_they_are_asked(home, seatrial) -> None:
    home.folder.rmdir()
    assert "There is no model" in seatrial("llm", "models")[2]
    Path("seatrial.yaml").write_text(
        "gateway: {providers: {a: {kind: openai}}, models: {m: [a/x, a/y]}}"
    )
    _, out, err = seatrial("llm", "models", "--json")
    assert json.loads(out) == [{"name": "m", "for": "chat", "candidates": ["a/x", "a/y"]}]
    assert err.split() == ["m", "a/x,", "then", "a/y"]
    assert not home.folder.exists()


@pytest.mark.parametrize("how", [(), ("--detach",)])
def test_a_server_whose_provider_has_no_key_does_not_start(
    home, seatrial, monkeypatch, how
) -> None:
    """Symptom: `up` said that it served, and its workers died again and again."""
    monkeypatch.delenv("SOME_KEY", raising=False)
    Path("seatrial.yaml").write_text(
        "gateway: {providers: {here: {kind: openai, api_key_env: SOME_KEY}}, models: {m: here/m}}"
    )
    code, out, err = seatrial("up", "--port", "0", *how)
    assert (code, out) == (Exit.NOT_FOUND, "")
    assert "SOME_KEY, with the key for here, is not set" in err
    assert not (home.folder / "server.json").exists()
