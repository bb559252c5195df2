"""Registries of models against the suite; MLflow's in tests/integration."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from seatrial.registry.models import Fetched, ModelRegistry
from seatrial.registry.offers import OfferedFacts, OwnRegistry
from seatrial.testing import MemoryRegistry, MemoryStore, ModelRegistrySuite
from seatrial.testing.model_registry_suite import Register


class TestMemory(ModelRegistrySuite):
    @pytest.fixture
    def made(self, tmp_path: Path) -> tuple[ModelRegistry, Register]:
        registry, names = MemoryRegistry(), count()

        def register(model: str, content: bytes) -> int:
            file = tmp_path / f"{next(names)}.pkl"
            file.write_bytes(content)
            return registry.register(model, Fetched(file=file))

        return registry, register


class TestOwn(ModelRegistrySuite):
    @pytest.fixture
    def made(self, tmp_path: Path) -> tuple[ModelRegistry, Register]:
        registry = OwnRegistry(MemoryStore(), tmp_path / "offers")

        def register(model: str, content: bytes) -> int:
            return registry.offer_bytes(
                model, "model.pkl", [content], OfferedFacts(), by="test"
            ).number

        return registry, register
