"""Which of OpenAI's encodings a model reads.

By tiktoken's table of models (github.com/openai/tiktoken, ``tiktoken/model.py``). A model that is
not listed has an estimate, never a guessed encoding.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class Encoding(StrEnum):
    """A vocabulary and the way texts are split before it is applied."""

    CL100K = "cl100k_base"
    O200K = "o200k_base"
    HARMONY = "o200k_harmony"


_ENCODINGS: Final = (
    (re.compile(r"gpt-oss([-:.].*)?"), Encoding.HARMONY),
    (
        re.compile(
            r"(chatgpt-4o|gpt-4o|gpt-4\.1|gpt-4\.5|gpt-5|gpt-audio|gpt-realtime|o1|o3|o4|codex-mini"
            r"|computer-use-preview)([-.:@].*)?"
        ),
        Encoding.O200K,
    ),
    (
        re.compile(r"(gpt-4|gpt-3\.5|gpt-35|text-embedding-3|text-embedding-ada-002)([-:@].*)?"),
        Encoding.CL100K,
    ),
)


def encoding_of(model: str) -> Encoding | None:
    """The encoding of a model, by whatever name it is sold: ``openai/gpt-4o``, fine-tuned
    ``ft:gpt-4o-mini:acme::id``. None for models that are not OpenAI's, or not known."""
    name = model.lower().rpartition("/")[2].removeprefix("ft:")
    for pattern, encoding in _ENCODINGS:
        if pattern.fullmatch(name):
            return encoding
    return None
