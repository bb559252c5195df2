"""Loading a folder of the test, with parsers in this process and in those of a pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.documents.loaders import document_loaders
from seatrial.adapters.documents.pool import LoaderPool
from seatrial.kernel.config import validated
from seatrial.rag.loading.config import LoadingConfig
from seatrial.rag.loading.corpus import Corpus
from seatrial.rag.loading.loader import About, Piece, Splitter
from seatrial.rag.loading.outcome import Loaded
from seatrial.rag.loading.reading import pieces


class InProcess:
    """See Isolation: no process at all, for what is known to be harmless. Counts what it runs."""

    n_workers = 2

    def __init__(self) -> None:
        self.loaders = document_loaders()
        self.asked: list[str] = []

    def load(self, format_: str, content: bytes, about: About) -> Sequence[Piece]:
        loader = self.loaders[format_]
        assert not isinstance(loader, Splitter)
        self.asked.append(about.name)
        return pieces(loader, content, about)


@pytest.fixture
def isolation() -> InProcess:
    return InProcess()


@pytest.fixture
def corpus(tmp_path: Path, isolation: InProcess) -> Callable[..., Corpus]:
    """A corpus of ``tmp_path``/docs, or of what is configured."""
    (tmp_path / "docs").mkdir()

    def made(isolated: Any = isolation, **values: Any) -> Corpus:
        source = {"path": "docs"} | values.pop("source", {})
        config = validated(LoadingConfig, {"sources": [source]} | values, "test")
        return Corpus(config, tmp_path, document_loaders(), isolated)

    return made


Load = Callable[..., list[Loaded]]


@pytest.fixture
def load(corpus: Callable[..., Corpus]) -> Load:
    """Everything that such a corpus gives."""

    def loaded(known: Mapping[str, str] | None = None, **values: Any) -> list[Loaded]:
        return list(corpus(**values).load(known))

    return loaded


@pytest.fixture(scope="module")
def pool() -> Iterator[LoaderPool]:
    with LoaderPool(1) as started:
        yield started
