"""MLflow's registry against the suite; run by `test_mlflow_prompts` where MLflow is installed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from seatrial.adapters.prompts.mlflow import DIGEST_TAG, MlflowPrompts
from seatrial.gateway.prompts.failures import PromptInvalid, PromptsUnavailable
from seatrial.gateway.prompts.source import PromptSource
from seatrial.gateway.prompts.template import Prompt, digest_of
from seatrial.testing.prompt_source_suite import NEW, OLD, MakeSource, PromptSourceSuite


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take seconds to make."""
    file = tmp_path_factory.mktemp("mlflow") / "empty.db"
    assert MlflowPrompts(f"sqlite:///{file}").names() == ()
    return file


@pytest.fixture
def uri(empty: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(empty, tmp_path / 'prompts.db')}"


class TestMlflow(PromptSourceSuite):
    @pytest.fixture
    def make(self, uri: str) -> MakeSource:
        def made(texts: Mapping[str, Sequence[str]]) -> PromptSource:
            source = MlflowPrompts(uri)
            for name, versions in texts.items():
                for text in versions:
                    source._client.register_prompt(name, text)
            return source

        return made


def test_a_prompt_is_registered_once(uri: str) -> None:
    source = MlflowPrompts(uri)
    assert source.register(Prompt("say", OLD), message="first") == digest_of(OLD)
    source.register(Prompt("say", NEW))
    source.register(Prompt("say", OLD))
    assert source.versions("say") == (digest_of(OLD), digest_of(NEW))
    kept = source._client.get_prompt_version("say", 1)
    assert kept is not None
    assert kept.tags[DIGEST_TAG] == digest_of(OLD)
    assert kept.template == OLD


def test_the_alias_says_what_is_current(uri: str) -> None:
    source = MlflowPrompts(uri)
    for text in (OLD, NEW):
        source.register(Prompt("say", text))
    source._client.set_prompt_alias("say", "production", 1)
    assert source.prompt("say").text == OLD
    assert source.versions("say") == (digest_of(NEW), digest_of(OLD))
    assert MlflowPrompts(uri, alias=None).prompt("say").text == NEW


def test_more_versions_than_a_page_holds_are_found(uri: str, monkeypatch) -> None:
    monkeypatch.setattr("seatrial.adapters.prompts.mlflow._PAGE", 2)
    source = MlflowPrompts(uri)
    for i in range(5):
        source.register(Prompt("say", f"Say {i}."))
        source.register(Prompt(f"say{i}", "Say."))
    assert len(source.versions("say")) == 5
    assert len(source.names()) == 6


def test_a_list_of_messages_is_refused(uri: str) -> None:
    source = MlflowPrompts(uri)
    source._client.register_prompt("chat", [{"role": "user", "content": "Hi."}])
    with pytest.raises(PromptInvalid, match="list of messages"):
        source.prompt("chat")


def test_a_server_that_is_not_there_is_told(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(PromptsUnavailable, match=r"127\.0\.0\.1"):
        MlflowPrompts("http://127.0.0.1:9").names()
