"""What a model may be called.

The name becomes a path in URLs, a folder, a container image and a Kubernetes object, so it obeys
the strictest of them: a DNS label (RFC 1035) that leaves room for a suffix.
"""

from __future__ import annotations

import re

from seatrial.kernel.errors import Invalid

MAX_LENGTH = 53
"""RFC 1035 allows 63; Helm keeps 10 for what Kubernetes appends, and so do we."""

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")


class ModelNameInvalid(Invalid):
    """The name cannot be an address."""

    code = "model.name_invalid"


def check_name(name: str) -> str:
    """The name itself when it is one: a-z, 0-9 and ``-``, from a letter, 53 characters at most.

    Raises: ModelNameInvalid, naming the nearest valid name.
    """
    if len(name) <= MAX_LENGTH and _NAME.fullmatch(name):
        return name
    shown = name if len(name) <= 80 else f"{name[:77]}..."
    suggestion = suggest_name(name)
    remedy = f"Name it {suggestion!r}, for example."
    if not is_latin(name):
        remedy = "Give it one in Latin letters with --name: in translation or, say, in pinyin."
    raise ModelNameInvalid(
        f"{shown!r} cannot be the name of a model: only a-z, 0-9 and '-', starting with a letter, "
        f"ending with a letter or digit, {MAX_LENGTH} characters at most.",
        remedy=remedy,
        field="name",
        suggestion=suggestion,
    )


def is_latin(text: str) -> bool:
    """Whether a name can be made of a text: something is left without other scripts' letters."""
    return re.search(r"[A-Za-z0-9]", text) is not None or not any(map(str.isalpha, text))


def suggest_name(text: str) -> str:
    """The nearest valid name to any text, such as a file name without its suffix."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    plain = re.sub(r"[^a-z0-9]+", "-", spaced.lower()).strip("-")
    if not plain:
        return "model"
    if not plain[0].isalpha():
        plain = f"model-{plain}"
    return plain[:MAX_LENGTH].rstrip("-")
