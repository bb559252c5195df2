"""What every place where prompts are kept must do; see `gateway.prompts.source.PromptSource`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import pytest

from seatrial.gateway.prompts.failures import PromptInvalid, PromptNotFound
from seatrial.gateway.prompts.source import PromptSource
from seatrial.gateway.prompts.template import digest_of

MakeSource: TypeAlias = Callable[[Mapping[str, Sequence[str]]], PromptSource]
"""A source of these texts: of the versions of each prompt, the current one last."""

_VARIABLES = "---\nvariables: {what: {}}\n---\n"
OLD = _VARIABLES + "Say {{ what }}."
NEW = _VARIABLES + "Say “{{ what }}” in 中文."


class PromptSourceSuite:
    """Subclass it as ``Test...`` with a fixture ``make`` that yields a `MakeSource`."""

    def test_names_are_all_there_are_sorted(self, make: MakeSource) -> None:
        """Whatever order they came in."""
        source = make({"say-it": [OLD], "Ask": [NEW], "a.b": [OLD]})
        assert source.names() == ("Ask", "a.b", "say-it")

    def test_a_source_may_be_empty(self, make: MakeSource) -> None:
        """As a folder that does not exist yet."""
        assert make({}).names() == ()

    def test_the_current_version_is_the_last(self, make: MakeSource) -> None:
        """And has the digest of its text, unchanged."""
        source = make({"say": [OLD, NEW]})
        assert source.versions("say") == (digest_of(OLD), digest_of(NEW))
        current = source.prompt("say")
        assert (current.name, current.version, current.text) == ("say", digest_of(NEW), NEW)
        assert current.messages({"what": "x"})[0].text == "Say “x” in 中文."

    def test_an_earlier_version_stays(self, make: MakeSource) -> None:
        """By its digest and by a beginning of it."""
        source = make({"say": [OLD, NEW]})
        assert source.prompt("say", digest_of(OLD)).text == OLD
        assert source.prompt("say", digest_of(OLD)[:8]).text == OLD

    def test_prompts_do_not_share_versions(self, make: MakeSource) -> None:
        """Not even where their names begin alike."""
        source = make({"say": [OLD], "say-more": [NEW]})
        assert source.versions("say") == (digest_of(OLD),)
        with pytest.raises(PromptNotFound):
            source.prompt("say", digest_of(NEW))

    @pytest.mark.parametrize("name", ["sa", "SAY", "", "../say", "say/x", "%", "say\0"])
    def test_what_is_not_there_is_not_found(self, make: MakeSource, name: str) -> None:
        """By name."""
        source = make({"say": [OLD]})
        with pytest.raises(PromptNotFound):
            source.prompt(name)
        with pytest.raises(PromptNotFound):
            source.versions(name)

    @pytest.mark.parametrize("version", ["", "0" * 64, digest_of(OLD)[:7], digest_of(OLD) + "0"])
    def test_a_version_that_is_not_there_is_not_found(self, make: MakeSource, version: str) -> None:
        """Nor one that is named by too little."""
        with pytest.raises(PromptNotFound):
            make({"say": [OLD]}).prompt("say", version)

    def test_one_that_cannot_be_used_hinders_no_other(self, make: MakeSource) -> None:
        """It is told when it is asked for."""
        source = make({"bad": ["{{ undeclared }}"], "say": [OLD]})
        assert source.prompt("say").text == OLD
        with pytest.raises(PromptInvalid):
            source.prompt("bad")
