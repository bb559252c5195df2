"""The file of a variant, such as ``support.prompt.yaml``: read, and checked in every part.

prompt: |                       # the text; or {file: support.md}, or {name: support, mlflow: URI}
  ---
  variables: {letter: {}}
  ---
  Sort this letter: {{ letter }}
model: small                    # of the section gateway.models
parameters: {temperature: 0, max_tokens: 50}
answer: {type: object, properties: {topic: {type: string}}, required: [topic]}
golden:
  compare: json
  examples:
    - {variables: {letter: Where is my parcel?}, expected: {topic: delivery}}
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from seatrial.gateway.prompts.failures import PromptInvalid
from seatrial.gateway.prompts.template import Prompt
from seatrial.gateway.prompts.variant import FEEDBACK, Golden, Parameters, PromptVariant
from seatrial.kernel.config_file import ConfigUnreadable, parse

_SCORER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)
_MOST_EXAMPLES = 1_000


class PromptRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the text of a prompt is, if not in the file of the variant.

    Args:
        file: beside the file of the variant; instead of all others.
        name: of the prompt in a folder or registry.
        version: of it, by the beginning of its digest; "" for the current one.
        folder: of prompts, beside the file of the variant.
        mlflow: address of a tracking server.
    """

    file: str = ""
    name: str = ""
    version: str = ""
    folder: str = ""
    mlflow: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    prompt: str | PromptRef
    model: str
    golden: Golden
    parameters: Parameters = Parameters()
    answer: dict[str, object] | None = None
    scorer: str | None = None


def read_variant(
    raw: bytes, source: str, *, name: str, text_of: Callable[[PromptRef], str]
) -> PromptVariant:
    """The variant of a file.

    Args:
        source: the file's name, for messages.
        name: of the prompt, for messages.
        text_of: reads the text that the file only points to.
    Raises: PromptInvalid, VariablesInvalid for an example that does not fit; what ``text_of``
        raises.
    """
    try:
        file = msgspec.convert(parse(raw, source), _File)
    except ConfigUnreadable as error:
        raise PromptInvalid(error.problem, remedy=error.remedy, file=source) from error
    except msgspec.ValidationError as error:
        raise _wrong(source, str(error)) from error
    text = file.prompt if isinstance(file.prompt, str) else text_of(_placed(file.prompt, source))
    variant = PromptVariant(
        prompt=text,
        model=file.model,
        golden=file.golden,
        parameters=file.parameters,
        answer=file.answer,
        scorer=file.scorer,
    )
    _check(variant, Prompt(name, text), source)
    return variant


def _placed(ref: PromptRef, source: str) -> PromptRef:
    named = bool(ref.name) and bool(ref.folder) != bool(ref.mlflow)
    alone = bool(ref.file) and not (ref.name or ref.version or ref.folder or ref.mlflow)
    if not (named or alone) or (named and ref.file):
        raise _wrong(source, "prompt names neither a file, nor a name with a folder or mlflow")
    return ref


def _check(variant: PromptVariant, prompt: Prompt, source: str) -> None:
    golden = variant.golden
    if not 1 <= len(golden.examples) <= _MOST_EXAMPLES:
        raise _wrong(
            source, f"golden has {len(golden.examples)} examples, not 1 to {_MOST_EXAMPLES}"
        )
    for field in ("least_parse_rate", "least_score"):
        if not 0 <= getattr(golden, field) <= 1:
            raise _wrong(source, f"{field} is {getattr(golden, field)}, outside [0, 1]")
    if variant.scorer not in (None, FEEDBACK) and not _SCORER.fullmatch(variant.scorer or ""):
        raise _wrong(source, f"scorer is {variant.scorer!r}, neither module:function nor feedback")
    if golden.least_score and golden.compare is None and variant.scorer in (None, FEEDBACK):
        raise _wrong(source, "least_score is set, but neither compare nor a scorer gives scores")
    expected = [example.expected is not None for example in golden.examples]
    if golden.compare is not None and not all(expected):
        raise _wrong(source, "compare is set, but an example says nothing of what is expected")
    asked = variant.parameters
    if asked.max_tokens is not None and asked.max_tokens < 1:
        raise _wrong(source, f"max_tokens is {asked.max_tokens}, less than 1")
    for example in golden.examples:
        prompt.messages(example.variables)


def _wrong(source: str, why: str) -> PromptInvalid:
    return PromptInvalid(
        f"The prompt file {source} cannot be used: {why}.",
        remedy="Correct it; docs/how-to/prompts.md has the form.",
        file=source,
    )
