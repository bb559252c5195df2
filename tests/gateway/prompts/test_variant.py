"""Variants: known by what they say, numbered as the catalogue numbers bundles, split by release."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from seatrial.gateway.prompts.failures import PromptInvalid, VariablesInvalid
from seatrial.gateway.prompts.template import Prompt
from seatrial.gateway.prompts.variant import (
    Parameters,
    PromptVariant,
    VariantBook,
    VariantUnknown,
    VariantUnreadable,
    read_book,
)
from seatrial.release.variant import Split, position

PROMPT = Prompt("ask", "---\nvariables: {what: {}}\n---\n[system]\nBe brief.\n[user]\n{{ what }}?")
VARIANT = PromptVariant(
    prompt="ask",
    prompt_version=PROMPT.version,
    model="small",
    parameters=Parameters(temperature=0.5, max_tokens=50, stop=("\n",)),
)
SAVED = (
    b'{"schema":1,"variants":[{"model":"small","parameters":{"max_tokens":50,"seed":null,'
    b'"stop":["\\n"],"temperature":0.5,"top_p":null},"prompt":"ask","prompt_version":"%s"}]}'
    % PROMPT.version.encode()
)


def test_a_digest_is_of_what_the_variant_says():
    assert VARIANT.digest == hashlib.sha256(SAVED[24:-2]).hexdigest()
    same = msgspec.json.decode(msgspec.json.encode(VARIANT), type=PromptVariant)
    assert same.digest == VARIANT.digest
    others = [
        msgspec.structs.replace(VARIANT, model="large"),
        msgspec.structs.replace(VARIANT, prompt="asked"),
        msgspec.structs.replace(VARIANT, prompt_version="0" * 64),
        msgspec.structs.replace(VARIANT, parameters=Parameters()),
    ]
    assert len({v.digest for v in [VARIANT, *others]}) == 5


def test_one_and_one_point_nought_are_one_temperature():
    one = msgspec.structs.replace(VARIANT, parameters=Parameters(temperature=1))
    other = msgspec.structs.replace(VARIANT, parameters=Parameters(temperature=1.0))
    assert one.digest == other.digest


def test_a_request_is_made_of_prompt_model_and_parameters():
    made = VARIANT.request(PROMPT, {"what": "Why"})
    assert made.model == "small"
    assert [m.text for m in made.messages] == ["Be brief.", "Why?"]
    assert (made.temperature, made.max_tokens, made.stop, made.seed) == (0.5, 50, ("\n",), None)
    with pytest.raises(VariablesInvalid):
        VARIANT.request(PROMPT, {})


def test_another_version_of_the_prompt_is_another_variant():
    with pytest.raises(PromptInvalid, match="not of 'ask'"):
        VARIANT.request(Prompt("ask", "Other."), {})


def test_the_same_content_has_the_same_number():
    large = msgspec.structs.replace(VARIANT, model="large")
    empty = VariantBook()
    book, first = empty.added(VARIANT)
    book, second = book.added(large)
    again, same = book.added(msgspec.structs.replace(VARIANT))
    assert (first, second, same) == (1, 2, 1)
    assert again is book
    assert empty.variants == ()
    assert book.variant(2) == large


@pytest.mark.parametrize("number", [0, -1, 2])
def test_a_number_that_was_not_given_is_unknown(number):
    with pytest.raises(VariantUnknown, match=str(number)):
        VariantBook((VARIANT,)).variant(number)


def test_a_split_picks_among_variants():
    large = msgspec.structs.replace(VARIANT, model="large")
    book = VariantBook((VARIANT, large))
    split = Split(stable=1, canary=2, canary_share=0.25, salt="s")
    keys = [f"user-{i}".encode() for i in range(2_000)]
    picked = [split.pick(position(split.salt, key)) for key in keys]
    models = [book.variant(number).model for number in picked if number is not None]
    assert len(models) == len(keys)
    assert 400 < models.count("large") < 600


def test_a_saved_book_is_read_and_written_alike():
    book = read_book(SAVED)
    assert book.variants == (VARIANT,)
    assert book.record() == SAVED


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        SAVED.replace(b'"schema":1', b'"schema":2'),
        SAVED.replace(b'"model"', b'"modle"'),
        SAVED.replace(
            b'[{"model',
            b'[{"model":"small","parameters":{"temperature":0.5,"max_tokens":50,"stop":["\\n"]},"prompt":"ask","prompt_version":"'
            + PROMPT.version.encode()
            + b'"},{"model',
        ),
    ],
)
def test_a_record_that_is_not_of_here_is_refused(raw):
    with pytest.raises(VariantUnreadable):
        read_book(raw)
