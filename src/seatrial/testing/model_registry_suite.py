"""What every registry of models must do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from seatrial.registry.models import MAX_TAG, ModelRegistry, RegisteredVersionUnknown

Register: TypeAlias = Callable[[str, bytes], int]
"""Registers a model file of some content, as a user of the registry would; its number."""

_MODEL = "credit-risk"


class ModelRegistrySuite:
    """Subclass, and give the fixture ``made``: an empty registry, and how to register in it.

    A content that is registered must be what a fetched file holds.
    """

    @pytest.fixture
    def made(self) -> tuple[ModelRegistry, Register]:
        """The registry under test."""
        raise NotImplementedError

    def test_a_model_nobody_registered_has_nothing(self, made: Any) -> None:
        """Not an error: it may be registered later."""
        registry, _ = made
        assert registry.versions(_MODEL) == []
        assert dict(registry.aliases(_MODEL)) == {}

    def test_versions_come_by_number_and_from_a_number_on(self, made: Any) -> None:
        """So that a look asks for little."""
        registry, register = made
        numbers = [register(_MODEL, bytes([i])) for i in range(3)]
        register("other", b"x")
        assert numbers == [1, 2, 3]
        assert [v.number for v in registry.versions(_MODEL)] == numbers
        assert [v.number for v in registry.versions(_MODEL, after=2)] == [3]
        assert registry.versions(_MODEL, after=3) == []
        assert {v.model for v in registry.versions(_MODEL)} == {_MODEL}

    def test_a_version_is_fetched_as_it_was_registered(self, made: Any, tmp_path: Path) -> None:
        """Byte by byte, the older ones too."""
        registry, register = made
        first, second = register(_MODEL, b"first"), register(_MODEL, b"second")
        for number, content in ((second, b"second"), (first, b"first")):
            folder = tmp_path / str(number)
            folder.mkdir()
            assert registry.fetch(_MODEL, number, folder).file.read_bytes() == content

    def test_tags_are_added_and_replaced(self, made: Any) -> None:
        """And belong to their version alone."""
        registry, register = made
        one, two = register(_MODEL, b"1"), register(_MODEL, b"2")
        registry.mark(_MODEL, one, {"seatrial.verdict": "worse", "seatrial.reason": "比 v1 差"})
        registry.mark(_MODEL, one, {"seatrial.verdict": "promoted"})
        registry.mark(_MODEL, one, {"seatrial.verdict": "promoted"})
        tags = {v.number: dict(v.tags) for v in registry.versions(_MODEL)}
        assert tags[one] == {"seatrial.verdict": "promoted", "seatrial.reason": "比 v1 差"}
        assert tags[two] == {}

    def test_a_long_tag_is_cut(self, made: Any) -> None:
        """A reason may be long; what matters is at its beginning."""
        registry, register = made
        number = register(_MODEL, b"1")
        registry.mark(_MODEL, number, {"why": "a" * 2 * MAX_TAG})
        (version,) = registry.versions(_MODEL)
        assert version.tags["why"] == "a" * (MAX_TAG - 1) + "…"

    def test_an_alias_points_where_it_was_moved_last(self, made: Any) -> None:
        """And may be moved back."""
        registry, register = made
        one, two = register(_MODEL, b"1"), register(_MODEL, b"2")
        for number in (one, two, one):
            registry.move_alias(_MODEL, "champion", number)
        registry.move_alias(_MODEL, "other", two)
        assert dict(registry.aliases(_MODEL)) == {"champion": one, "other": two}

    def test_a_version_that_is_not_there_is_named(self, made: Any, tmp_path: Path) -> None:
        """Whatever is asked of it."""
        registry, register = made
        register(_MODEL, b"1")
        asked: tuple[tuple[Callable[..., object], tuple[object, ...]], ...] = (
            (registry.fetch, (_MODEL, 7, tmp_path)),
            (registry.mark, (_MODEL, 7, {"a": "b"})),
            (registry.move_alias, (_MODEL, "champion", 7)),
        )
        for ask, arguments in asked:
            with pytest.raises(RegisteredVersionUnknown, match=r"7 of 'credit-risk'"):
                ask(*arguments)
        assert dict(registry.aliases(_MODEL)) == {}
