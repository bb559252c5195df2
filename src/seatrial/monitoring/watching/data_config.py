"""What `monitoring.yaml` says about data: where the rows are, and which column is what."""

from __future__ import annotations

import re
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from seatrial.kernel.config import ConfigModel, Names
from seatrial.monitoring.rows.columns import Columns, Kind

Format = Literal["parquet", "csv", "sqlite", "duckdb", "postgresql"]

_SCHEMES: dict[str, Format] = {
    "sqlite": "sqlite",
    "duckdb": "duckdb",
    "postgresql": "postgresql",
    "postgres": "postgresql",
}
_PASSWORD = re.compile(r"([?&](?:ssl)?password=)[^&#]*", re.IGNORECASE)
_SUFFIXES: dict[str, Format] = {
    "parquet": "parquet",
    "parq": "parquet",
    "pq": "parquet",
    "csv": "csv",
    "tsv": "csv",
    "duckdb": "duckdb",
}
_DATABASES = frozenset({"sqlite", "duckdb", "postgresql"})


def zone_named(name: str) -> str:
    """The name of a time zone, checked.   Raises: ValueError: there is none of that name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is no time zone, such as Europe/Berlin or Asia/Shanghai") from error
    return name


class ColumnsConfig(ConfigModel):
    """Which column is what. A field of a struct is written ``inputs.age``."""

    timestamp: str | None = Field(default=None, description="When each row was predicted.")
    id: Names = Field(
        default=(), description="What identifies a prediction: a column, or several together."
    )
    prediction: str | None = Field(default=None, description="The label or number predicted.")
    scores: Names = Field(
        default=(), description="Probabilities: a column of vectors, or one column for each class."
    )
    label: str | None = Field(default=None, description="What came true.")
    weight: str | None = Field(default=None, description="How much a row counts.")
    segments: Names = Field(default=(), description="Columns whose values are watched apart.")
    features: Names | None = Field(
        default=None, description="What the model sees; by default every other column."
    )
    ignore: Names = Field(default=(), description="Columns to leave out.")
    numeric: Names = Field(
        default=(), description="Columns to read as numbers, whatever they hold."
    )
    categorical: Names = Field(
        default=(), description="Columns to read as categories, such as codes that are numbers."
    )
    embeddings: Names = Field(
        default=(),
        description="Columns of vectors, where their type does not say so: texts such as "
        "[0.1, 0.2] in CSV or SQL.",
    )
    time_zone: str = Field(
        default="UTC", description="Zone of times that come without one, such as Europe/Berlin."
    )

    _known_zone = field_validator("time_zone")(zone_named)

    @model_validator(mode="after")
    def _one_kind(self) -> ColumnsConfig:
        said: dict[str, str] = {}
        for kind in ("numeric", "categorical", "embeddings"):
            for name in getattr(self, kind):
                if said.setdefault(name, kind) != kind:
                    raise ValueError(f"{name!r} is said to be both {said[name]} and {kind}")
        return self

    def columns(self) -> Columns:
        """As asked for; `Columns.among` finds the rest."""
        numbers: dict[str, Kind] = dict.fromkeys(self.numeric, "number")
        names: dict[str, Kind] = dict.fromkeys(self.categorical, "name")
        vectors: dict[str, Kind] = dict.fromkeys(self.embeddings, "embedding")
        return Columns(
            at=self.timestamp,
            id=self.id,
            prediction=self.prediction,
            scores=self.scores,
            label=self.label,
            weight=self.weight,
            segments=self.segments,
            features=self.features,
            ignored=self.ignore,
            kinds=numbers | names | vectors,
            time_zone=self.time_zone,
        )


def without_password(source: str) -> str:
    """A file's name as it is; a URL without the password that it may hold."""
    scheme, colon, rest = source.partition("://")
    if not colon:
        return source
    user, at, place = rest.rpartition("@")
    place = _PASSWORD.sub(r"\1", place)
    return f"{scheme}://{user.partition(':')[0]}{at}{place}"


def _also_text(schema: dict[str, Any]) -> None:
    schema["type"] = ["object", "string"]


class DataConfig(ConfigModel):
    """Where rows are, and which column is what.

    A text is short for ``source``, and in a database's URL what follows a # is its table.
    """

    model_config = ConfigDict(json_schema_extra=_also_text)

    source: str = Field(
        min_length=1,
        description="A file, a folder, a pattern such as log/*.csv, or the URL of a database: "
        "sqlite:///log.db, duckdb:///log.db, postgresql://user@host/database, with #TABLE for the "
        "key table. Leave its password to PGPASSWORD or a password file.",
    )
    format: Format | None = Field(
        default=None, description="What it is; by default what its name says, Parquet for a folder."
    )
    table: str | None = Field(default=None, description="Table or view of the database.")
    query: str | None = Field(default=None, description="A SELECT, in place of a table.")
    encoding: str | None = Field(
        default=None, description="Of CSV that is not UTF-8, such as gbk or latin-1."
    )
    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="Of CSV; by default found."
    )
    columns: ColumnsConfig = Field(
        default_factory=ColumnsConfig, description="Which column is what."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        section = {"source": value} if isinstance(value, str) else value
        if not isinstance(section, dict) or section.get("table") or section.get("query"):
            return section
        url, _, table = str(section.get("source", "")).rpartition("#")
        scheme, colon, _ = url.partition("://")
        of_database = bool(colon) and scheme in _SCHEMES and bool(table)
        return {**section, "source": url, "table": table} if of_database else section

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str | None) -> str | None:
        try:
            "\n,".encode(name or "utf-8")
        except LookupError as error:
            raise ValueError("is no encoding, such as utf-8, gbk or latin-1") from error
        return name

    @model_validator(mode="after")
    def _fits(self) -> DataConfig:
        database = self.kind in _DATABASES
        if database and (self.table is None) == (self.query is None):
            raise ValueError("a database needs either a table or a query: sqlite:///log.db#TABLE")
        if not database and (self.table or self.query):
            raise ValueError(f"{self.kind} has neither tables nor queries")
        if self.kind != "csv" and (self.encoding or self.delimiter):
            raise ValueError(f"encoding and delimiter are for csv, and this is {self.kind}")
        return self

    @property
    def shown(self) -> str:
        """The source as reports name it: a password in a URL is left out."""
        return without_password(self.source)

    @property
    def kind(self) -> Format:
        """What the source is."""
        scheme, colon, _ = self.source.partition("://")
        if self.format:
            return self.format
        if colon and scheme in _SCHEMES:
            return _SCHEMES[scheme]
        return _SUFFIXES.get(self.source.rpartition(".")[2].lower(), "parquet")
