"""The port: where prompts are kept, by name and version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seatrial.gateway.prompts.failures import PromptNotFound
from seatrial.gateway.prompts.template import Prompt

MIN_PREFIX = 8
"""A version may be named by the beginning of its digest, of at least so many digits."""


class PromptSource(Protocol):
    """Prompts. The suite `seatrial.testing.PromptSourceSuite` says what it must do."""

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        ...

    def versions(self, name: str) -> tuple[str, ...]:
        """The digests of a prompt's versions, the current one last.   Raises: PromptNotFound."""
        ...

    def prompt(self, name: str, version: str | None = None) -> Prompt:
        """A version of a prompt, the current one where none is named.

        Args:
            version: its digest, or a beginning of it that no other version has.
        Raises: PromptNotFound; PromptInvalid, for one that is kept and cannot be used.
        """
        ...


def matching(name: str, version: str | None, versions: Sequence[str]) -> str:
    """The digest that is meant.

    Args:
        versions: of the prompt, the current one last; empty for one that does not exist.
    Raises: PromptNotFound.
    """
    if not versions:
        raise PromptNotFound(
            f"There is no prompt {name!r}.",
            remedy="Name one that is kept; names differ by case.",
            prompt=name,
        )
    if version is None:
        return versions[-1]
    found = [v for v in dict.fromkeys(versions) if v.startswith(version)]
    if len(found) == 1 and len(version) >= MIN_PREFIX:
        return found[0]
    raise PromptNotFound(
        f"Prompt {name!r} has no version {version!r}, or several that begin so.",
        remedy=f"Name a version by {MIN_PREFIX} or more digits of its digest; the current one is "
        f"{versions[-1][:12]}.",
        prompt=name,
        version=version,
    )
