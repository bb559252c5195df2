"""The loads: which model, how many rows a request, how encoded, from how many clients."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Model(StrEnum):
    """A model servers are given: two of `truth`, and two of the comparison of engines."""

    GBDT = "gbdt"
    FOREST = "forest"
    NET = "net"
    NET_INT8 = "net-int8"

    @property
    def n_features(self) -> int:
        """Numbers of a row."""
        return 64 if self in (Model.NET, Model.NET_INT8) else 30

    @property
    def n_classes(self) -> int:
        """Probabilities of a row."""
        return 10 if self in (Model.NET, Model.NET_INT8) else 2


class Encoding(StrEnum):
    """How a tensor travels."""

    JSON = "json"
    BINARY = "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One load: which model, how many rows a request, encoded how, by how many clients."""

    name: str
    title: str
    short: str
    model: Model
    rows: int
    encoding: Encoding
    concurrency: int


SCENARIOS = (
    *(
        Scenario(
            name=f"one-c{c}",
            title=f"1 row, JSON, concurrency {c}",
            short=f"1 row, c{c}",
            model=Model.GBDT,
            rows=1,
            encoding=Encoding.JSON,
            concurrency=c,
        )
        for c in (1, 16, 64)
    ),
    *(
        Scenario(
            name=f"many-{encoding}",
            title=f"1,024 rows, {title}, concurrency 16",
            short=f"1,024 rows, {encoding}, c16",
            model=Model.GBDT,
            rows=1024,
            encoding=encoding,
            concurrency=16,
        )
        for encoding, title in ((Encoding.JSON, "JSON"), (Encoding.BINARY, "binary tensors"))
    ),
    Scenario(
        name="forest-c64",
        title="native pipeline with a forest of 500 trees, 1 row, JSON, concurrency 64",
        short="native forest, c64",
        model=Model.FOREST,
        rows=1,
        encoding=Encoding.JSON,
        concurrency=64,
    ),
)
