from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.gateway.chat.failures import ServerFault
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.ledger.usage import By, UsageQuestion
from seatrial.gateway.routes.gateway import Caller
from seatrial.kernel.config import ConfigInvalid
from seatrial.kernel.errors import SeatrialError
from seatrial.testing import ScriptedLLM, llm_openai_wire
from seatrial.testing.scripted_llm import Fault, FaultKind, Says
from seatrial.wiring.gateway import (
    ProviderKeyMissing,
    UnknownLedger,
    check_gateway,
    gateway_of,
    ledger_url,
    open_gateway,
    open_ledger,
)
from seatrial.wiring.workspace import Workspace, open_workspace


def workspace(tmp_path: Path, **section: Any) -> Workspace:
    config = tmp_path / "seatrial.yaml"
    config.write_text(yaml.safe_dump({"gateway": section}))
    return open_workspace(home=tmp_path / "home", config=config, environment={})


def section(llm: ScriptedLLM) -> dict[str, Any]:
    return {
        "providers": {
            "one": {"kind": "openai", "base_url": llm.openai_url, "api_key_env": "ONE_KEY"},
            "two": {"kind": "anthropic", "base_url": llm.anthropic_url},
        },
        "models": {
            "m": ["one/gpt-4o-mini", "two/claude-3-haiku-20240307"],
            "e": {"kind": "embedding", "candidates": ["one/text-embedding-3-small"]},
        },
        "retry": {"attempts": 1},
    }


async def test_one_call_goes_from_the_file_to_the_provider_and_into_the_ledger(
    tmp_path: Path,
) -> None:
    async with ScriptedLLM(keys=frozenset({"sk-1"})) as llm:
        space = workspace(tmp_path, **section(llm))
        async with gateway_of(space, environment={"ONE_KEY": "sk-1"}) as gateway:
            answer = await gateway.chat("m", "Hello there")
            made = await gateway.embed("e", ["a", "b"])
    assert answer.text == "Hello there"
    assert answer.cost_usd > 0
    assert len(made.vectors) == 2
    ledger = open_ledger(ledger_url(space))
    found = ledger.usage(UsageQuestion(since_us=0, until_us=2**62, by=(By.MODEL,)))
    ledger.close()
    assert [one.group for one in found] == [("gpt-4o-mini",), ("text-embedding-3-small",)]
    assert found[0].cost_usd == answer.cost_usd


async def test_the_second_candidate_answers_where_the_first_fails(tmp_path: Path) -> None:
    async with ScriptedLLM() as llm:
        space = workspace(tmp_path, **section(llm))
        llm.then(Fault(kind=FaultKind.SERVER_ERROR), Says(text="From the second."))
        async with gateway_of(space, environment={"ONE_KEY": "sk-1"}) as gateway:
            answer = await gateway.chat("m", "Hello")
    assert answer.text == "From the second."
    failures = [attempt.failure for attempt in answer.journal.attempts]
    assert failures == [ServerFault.code, None]


async def test_prices_and_windows_of_the_file_count(tmp_path: Path) -> None:
    """They go before those of the list, and are there for a model that no list knows."""
    prices = [
        {"model": "house-model", "input": "0.5", "output": "2"},
        {"model": "gpt-4o-mini", "input": "0.25", "output": "1"},
    ]
    windows = [{"model": "house-model", "context_tokens": 600, "max_output_tokens": 40}]
    async with ScriptedLLM() as llm:
        told = section(llm) | {"models": {"m": "one/gpt-4o-mini", "h": "one/house-model"}}
        space = workspace(
            tmp_path, **told, prices=prices, windows=windows, budgets=[{"limit_usd": 9}]
        )
        async with gateway_of(space, environment={"ONE_KEY": "k"}) as gateway:
            for name, each in (("m", ("0.25", "1")), ("h", ("0.5", "2"))):
                answer = await gateway.chat(name, "Hello there")
                assert answer.usage is not None
                tokens = answer.usage.input_tokens, answer.usage.output_tokens
                cost = sum(Decimal(p) * n for p, n in zip(each, tokens, strict=True)) / 1000
                assert answer.cost_usd == cost
            await gateway.chat("h", "Hello there")  # a budget reserves the longest answer
            assert llm.asked[-1].body["max_completion_tokens"] == 40
            turns = [said(Role.USER, "word " * 150) for _ in range(9)]
            cut = await gateway.chat("h", turns)
            assert cut.journal.notes["fit.dropped_messages"] >= 5
    ledger = open_ledger(ledger_url(space))
    (found,) = ledger.usage(UsageQuestion(since_us=0, until_us=2**62))
    ledger.close()
    assert found.n_unpriced == 0


async def test_hits_and_fallbacks_are_in_the_ledger_and_nothing_personal_is(
    tmp_path: Path,
) -> None:
    caller = Caller(user="ana@example.com", tags={"mail": "bob@example.com"})
    async with ScriptedLLM() as llm:
        space = workspace(
            tmp_path,
            **section(llm),
            cache={"enabled": True},
            budgets=[{"limit_usd": 1, "scope": "user", "name": "ana@example.com"}],
        )
        async with gateway_of(space, environment={"ONE_KEY": "k"}) as gateway:
            for _ in range(3):
                await gateway.chat("m", "Hello", temperature=0.0, caller=caller)
            llm.then(Fault(kind=FaultKind.SERVER_ERROR), Says(text="From the second."))
            await gateway.chat("m", "Hello again", caller=caller)
    ledger = open_ledger(ledger_url(space))
    questions = [
        UsageQuestion(since_us=0, until_us=2**62, by=by)
        for by in ((), (By.INSTEAD_OF, By.PROVIDER), (By.USER, By.TAGS))
    ]
    (whole,), fallbacks, (who,) = ledger.usages(questions)
    (account,) = ledger.balances("")
    ledger.close()
    assert (whole.n, whole.n_failed, whole.n_hits, whole.n_refused) == (3, 1, 2, 0)
    assert whole.saved > 0
    assert [one.group for one in fallbacks] == [(None, "one"), ("one/gpt-4o-mini", "two")]
    assert account.spent == whole.cost
    assert "example.com" not in f"{who.group} {account}"
    assert "example.com" not in (space.home / "llm.db").read_bytes().decode("latin-1")


async def test_answers_are_kept_over_a_restart(tmp_path: Path) -> None:
    async with ScriptedLLM() as llm:
        space = workspace(tmp_path, **section(llm), cache={"enabled": True})
        for _ in range(2):
            async with gateway_of(space, environment={"ONE_KEY": "k"}) as gateway:
                await gateway.chat("m", "Hello", temperature=0.0)
        assert llm.n_asked == 1


SEMANTIC = {"enabled": True, "semantic": {"enabled": True, "embedder": "e", "similarity": 0.9}}


async def test_a_question_in_other_words_is_a_hit_of_its_own_kind_and_its_vectors_are_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm_openai_wire, "_vector", lambda _text, d: [1.0] + [0.0] * (d - 1))
    texts = ["How do I pay?", "how can I pay, please", "How can I not pay?"]
    uses, paid = [], Decimal(0)
    async with ScriptedLLM() as llm:
        prices = [{"model": "text-embedding-3-small", "input": 0.00002, "output": 0}]
        space = workspace(tmp_path, **section(llm), cache=SEMANTIC, prices=prices)
        for text in (*texts, *texts):
            async with gateway_of(space, environment={"ONE_KEY": "k"}) as gateway:
                done = await gateway.chat("m", text, temperature=0.0, caller=Caller(tenant="a"))
                uses.append(str(done.journal.cache))
                paid += done.cost_usd
        paths = [asked.path.rsplit("/", 1)[-1] for asked in llm.asked]
    assert uses == ["miss", "semantic", "miss", "hit", "semantic", "hit"]
    assert paths == ["completions", "embeddings", "completions"]
    ledger = open_ledger(ledger_url(space))
    question = UsageQuestion(since_us=0, until_us=2**62, by=(By.MODEL,))
    kept = {one.group[0]: one for one in ledger.usage(question)}
    ledger.close()
    assert (kept["gpt-4o-mini"].n_hits, kept["gpt-4o-mini"].n_semantic) == (4, 2)
    assert kept["text-embedding-3-small"].n == 1
    assert kept["text-embedding-3-small"].cost_usd > 0
    assert sum(one.cost_usd for one in kept.values()) == paid


@pytest.mark.parametrize(
    ("cache", "models", "why"),
    [
        ({"semantic": {"enabled": True, "embedder": "e"}}, {}, "enable cache, too"),
        ({"enabled": True, "semantic": {"enabled": True}}, {}, "name a model of kind embedding"),
        ({**SEMANTIC, "semantic": {"enabled": True, "embedder": "m"}}, {}, "kind embedding"),
        ({**SEMANTIC, "semantic": {"enabled": True, "embedder": "x"}}, {}, "kind embedding"),
        ({"enabled": True}, {"semantic": True}, "kind embedding"),
        ({}, {"semantic": True}, "set its cache to true"),
        ({**SEMANTIC, "semantic": {"similarity": 0.5}}, {}, "0.8"),
        ({**SEMANTIC, "semantic": {"similarity": float("nan")}}, {}, "similarity"),
    ],
)
async def test_comparing_questions_needs_kept_answers_and_an_embedder(
    tmp_path: Path, cache: dict[str, Any], models: dict[str, Any], why: str
) -> None:
    async with ScriptedLLM() as llm:
        parts = section(llm)
    parts["models"]["m"] = {"candidates": ["one/gpt-4o-mini"], **models}
    with pytest.raises(ConfigInvalid, match=why):
        workspace(tmp_path, **parts, cache=cache)


def test_a_key_that_is_not_set_is_named_before_anything_is_opened(tmp_path: Path) -> None:
    space = workspace(
        tmp_path,
        providers={"one": {"kind": "openai", "api_key_env": "ONE_KEY"}},
        models={"m": {"candidates": ["one/gpt-4o-mini"]}},
    )
    with pytest.raises(ProviderKeyMissing, match="ONE_KEY, with the key for one"):
        gateway_of(space, environment={})
    assert not (space.home / "llm.db").exists()


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "secret"])
def test_a_ledger_of_an_unknown_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UnknownLedger) as caught:
        open_ledger(url)
    assert "u:secret" not in str(caught.value)


def test_a_gateway_is_opened_by_its_file_alone(tmp_path: Path) -> None:
    config = tmp_path / "seatrial.yaml"
    config.write_text("gateway: {models: {}}")
    gateway = open_gateway(home=tmp_path / "home", config=config, environment={})
    assert gateway.table.all() == []
    with pytest.raises(SeatrialError):
        open_gateway(home=tmp_path / "home", config=tmp_path / "none.yaml", environment={})


def test_what_would_keep_a_gateway_from_opening_is_said_before_anything_is_opened(
    tmp_path: Path,
) -> None:
    providers = {"one": {"kind": "openai", "api_key_env": "ONE_KEY"}}
    space = workspace(tmp_path, providers=providers, models={"m": "one/gpt-4o-mini"})
    with pytest.raises(ProviderKeyMissing, match="ONE_KEY, with the key for one"):
        check_gateway(space, environment={})
    check_gateway(space, environment={"ONE_KEY": "k"})
    assert not (space.home / "llm.db").exists()
    space = workspace(
        tmp_path, providers=providers, models={"m": "one/gpt-4o-mini"}, ledger="mysql://h/d"
    )
    with pytest.raises(UnknownLedger):
        check_gateway(space, environment={"ONE_KEY": "k"})
