"""Which version is meant."""

import pytest

from seatrial.gateway.prompts.failures import PromptNotFound
from seatrial.gateway.prompts.source import matching

ONE = "a" * 64
TWO = "a" * 12 + "b" * 52


def test_a_version_is_named_by_a_beginning_no_other_has():
    assert matching("p", None, [ONE, TWO]) == TWO
    assert matching("p", ONE, [ONE, TWO]) == ONE
    assert matching("p", "a" * 12 + "b", [ONE, TWO]) == TWO
    assert matching("p", "a" * 8, [ONE, ONE]) == ONE


@pytest.mark.parametrize("version", ["a" * 12, "a" * 7, "b" * 12, ""])
def test_a_beginning_of_several_or_none_is_not_found(version):
    with pytest.raises(PromptNotFound, match="the current one is aaaaaaaaaaaa"):
        matching("p", version, [ONE, TWO])


def test_a_prompt_without_versions_does_not_exist():
    with pytest.raises(PromptNotFound, match="no prompt 'p'"):
        matching("p", None, [])
