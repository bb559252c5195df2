"""A registry in memory: what the port means in its simplest form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from seatrial.registry.models import (
    Fetched,
    RegisteredVersion,
    RegistryUnavailable,
    cut_tag,
    version_unknown,
)


class MemoryRegistry:
    """`registry.models.ModelRegistry` in memory.

    Attributes:
        down: whether it answers nothing.
        moves: every move of an alias, as model, alias and number.
    """

    def __init__(self) -> None:
        self.down = False
        self.moves: list[tuple[str, str, int]] = []
        self._versions: dict[str, dict[int, tuple[RegisteredVersion, Fetched]]] = {}
        self._aliases: dict[str, dict[str, int]] = {}

    def register(self, model: str, fetched: Fetched) -> int:
        """Add a version; returns its number."""
        known = self._versions.setdefault(model, {})
        number = len(known) + 1
        known[number] = (RegisteredVersion(model=model, number=number), fetched)
        return number

    def versions(self, model: str, *, after: int = 0) -> list[RegisteredVersion]:
        """See ModelRegistry."""
        self._check()
        return [one for n, (one, _) in self._versions.get(model, {}).items() if n > after]

    def aliases(self, model: str) -> Mapping[str, int]:
        """See ModelRegistry."""
        self._check()
        return dict(self._aliases.get(model, {}))

    def fetch(self, model: str, number: int, folder: Path) -> Fetched:  # noqa: ARG002
        """See ModelRegistry: files are read where they lie."""
        return self._get(model, number)[1]

    def mark(self, model: str, number: int, tags: Mapping[str, str]) -> None:
        """See ModelRegistry."""
        one, fetched = self._get(model, number)
        given = {name: cut_tag(value) for name, value in tags.items()}
        marked = replace(one, tags={**one.tags, **given})
        self._versions[model][number] = (marked, fetched)

    def move_alias(self, model: str, alias: str, number: int) -> None:
        """See ModelRegistry."""
        self._get(model, number)
        self._aliases.setdefault(model, {})[alias] = number
        self.moves.append((model, alias, number))

    def _get(self, model: str, number: int) -> tuple[RegisteredVersion, Fetched]:
        self._check()
        found = self._versions.get(model, {}).get(number)
        if found is None:
            raise version_unknown(model, number)
        return found

    def _check(self) -> None:
        if self.down:
            raise RegistryUnavailable(
                "The registry in memory is down.", remedy="Set down to False."
            )
