"""Files of variants: read whole, or refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seatrial.gateway.prompts.failures import PromptInvalid, VariablesInvalid
from seatrial.gateway.prompts.variant import Compare, PromptVariant
from seatrial.gateway.prompts.variant_file import PromptRef, read_variant

TEXT = "---\nvariables: {what: {}}\n---\n{{ what }}?"
FILE = {
    "prompt": TEXT,
    "model": "small",
    "golden": {"examples": [{"variables": {"what": "Why"}, "expected": "Because"}]},
}


def read(file: object, text: str = TEXT) -> PromptVariant:
    raw = yaml.safe_dump(file).encode()
    return read_variant(raw, "ask.prompt.yaml", name="ask", text_of=lambda _: text)


def test_the_example_is_a_variant():
    file = Path(__file__).parents[3] / "examples" / "support.prompt.yaml"
    variant = read_variant(file.read_bytes(), file.name, name="support", text_of=lambda _: "")
    assert variant.model == "small"
    assert len(variant.golden.examples) == 3
    assert variant.answer is not None


def test_all_of_a_file_is_read():
    more = {"parameters": {"temperature": 0}, "answer": {"type": "object"}, "scorer": "my.mod:f"}
    golden = {**FILE["golden"], "compare": "contains", "least_score": 0.5}
    variant = read(FILE | more | {"golden": golden})
    assert (variant.parameters.temperature, variant.scorer) == (0, "my.mod:f")
    assert (variant.golden.compare, variant.golden.least_score) == (Compare.CONTAINS, 0.5)


@pytest.mark.parametrize(
    "ref",
    [
        {"file": "a.md"},
        {"folder": "prompts", "name": "ask"},
        {"mlflow": "http://x", "name": "ask", "version": "0123abcd"},
    ],
)
def test_the_text_may_be_elsewhere(ref: dict[str, str]):
    met: list[PromptRef] = []

    def text_of(one: PromptRef) -> str:
        met.append(one)
        return TEXT

    raw = yaml.safe_dump(FILE | {"prompt": ref}).encode()
    assert read_variant(raw, "f", name="ask", text_of=text_of).prompt == TEXT
    assert met == [PromptRef(**ref)]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"colour": 1}, "unknown field `colour`"),
        ({"golden": {"examples": []}}, "golden has 0 examples"),
        ({"golden": {"examples": [{}], "least_score": 0.5}}, "least_score is set, but neither"),
        ({"golden": {"examples": [{}], "least_parse_rate": 2}}, "least_parse_rate is 2"),
        ({"golden": {"examples": [{}], "compare": "json"}}, "nothing of what is expected"),
        ({"scorer": "os.system('ls')"}, "neither module:function nor feedback"),
        (
            {"scorer": "feedback", "golden": {"examples": [{}], "least_score": 0.5}},
            "least_score is set, but neither",
        ),
        ({"parameters": {"max_tokens": 0}}, "max_tokens is 0"),
        ({"prompt": {}}, "neither a file, nor a name"),
        ({"prompt": {"file": "a", "name": "b"}}, "neither a file, nor a name"),
        ({"prompt": {"folder": "a", "mlflow": "b", "name": "c"}}, "neither a file, nor a name"),
        ({"prompt": "{{ other }}"}, "'other' is no variable"),
        ({"model": 3}, "at `\\$.model`"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], why: str):
    with pytest.raises(PromptInvalid, match=why):
        read(FILE | change)


def test_an_example_that_does_not_fit_the_variables_is_refused():
    with pytest.raises(VariablesInvalid, match="what is missing"):
        read(FILE | {"golden": {"examples": [{}]}})


def test_what_is_no_yaml_is_refused():
    with pytest.raises(PromptInvalid, match="not YAML"):
        read_variant(b"prompt: {", "f.yaml", name="ask", text_of=lambda _: "")
