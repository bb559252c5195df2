"""The section ``documents`` of `rag_config.yaml`: what is loaded, how, and who may read it."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from seatrial.kernel.config import ConfigModel, Names
from seatrial.rag.loading.formats import FORMATS
from seatrial.rag.loading.settings import Fields, LimitsConfig
from seatrial.rag.text.document import MetaValue

_MetaField = Annotated[str, Field(pattern=r"^[^\s\x00-\x1f][^\x00-\x1f]{0,99}$")]
_Metadata = dict[_MetaField, MetaValue]


def _globs(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
            raise ValueError(
                f"{pattern!r} must be a pattern inside the folder, without a leading / or .."
            )
    return patterns


def _encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise ValueError(f"{name!r} is no encoding that Python knows") from error


def _format(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"must be one of {', '.join(sorted(FORMATS))}")
    return name


def _readers(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(name.strip() for name in names):
        raise ValueError("holds an empty name; write [] for nobody, or everyone")
    if any("," in name for name in names):
        raise ValueError("holds a name with a comma; write a list of names")
    return names


Globs = Annotated[Names, AfterValidator(_globs)]
FormatName = Annotated[str, AfterValidator(_format)]
_Suffix = Annotated[str, Field(pattern=r"^\.[^./\s]{1,20}$")]
_Readers = Annotated[
    Names,
    AfterValidator(_readers),
    Field(description="Groups and users; everyone opens it to all."),
]


class RuleConfig(ConfigModel):
    """What holds for some files; of several rules that match, later ones go over earlier ones."""

    files: Globs = Field(min_length=1, description="Patterns such as hr/** or *.md.")
    metadata: _Metadata = Field(default_factory=dict, description="Fields given to these.")
    readers: _Readers | None = Field(
        default=None, description="Who may read these; an empty list is nobody, everyone is all."
    )


class SourceConfig(ConfigModel):
    """A file or folder that is named."""

    path: str = Field(min_length=1, description="The file or folder; relative to this file.")
    name: str = Field(
        default="",
        pattern=r"^[^/#\x00-\x1f]{0,100}$",
        description="Goes before the ids of its documents, where several folders hold files of "
        "equal names.",
    )
    include: Globs = Field(
        default=(), description="Patterns of the files to read; none for all of a known format."
    )
    exclude: Globs = Field(default=(), description="Patterns of files and folders to leave out.")
    hidden: bool = Field(default=False, description="Whether names that begin with . count.")
    format: FormatName | None = Field(
        default=None, description="The format of all its files, whatever their names say."
    )
    encoding: Annotated[str, AfterValidator(_encoding)] | None = Field(
        default=None, description="The encoding of its texts, where it cannot be found out."
    )
    encoding_errors: Literal["strict", "replace"] = Field(
        default="strict",
        description="Whether a text with bytes that are wrong in its encoding is skipped, or read "
        "with U+FFFD in their place.",
    )
    fields: Fields | None = Field(
        default=None,
        description="Makes each row of CSV and each object of a JSON list a document, as lines of "
        "JSONL always are, and says which fields are what.",
    )
    header: bool = Field(default=True, description="Whether first rows of CSV name the columns.")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="Between cells of CSV, where it cannot be found out."
    )
    metadata: _Metadata = Field(
        default_factory=dict, description="Fields given to all; they go over the files' own."
    )
    readers: _Readers | None = Field(
        default=None, description="Who may read all of them, unless a rule or a file says else."
    )
    rules: tuple[RuleConfig, ...] = Field(default=(), description="What holds for some of them.")


class AccessConfig(ConfigModel):
    """Who may read documents about which nothing else is said."""

    default: Literal["everyone", "nobody"] = Field(
        default="everyone", description="Who may read a document that names no readers."
    )
    own: bool = Field(
        default=True,
        description="Whether readers that a document itself names (front matter, a field of its "
        "record) count, and go over those of rules.",
    )


class LoadingConfig(ConfigModel):
    """What is loaded."""

    sources: tuple[SourceConfig, ...] = Field(min_length=1, description="Files and folders.")
    formats: dict[_Suffix, FormatName] = Field(
        default_factory=dict, description="Formats by the ending of names, such as .log: text."
    )
    access: AccessConfig = Field(
        default_factory=AccessConfig, description="Who may read what says nothing."
    )
    limits: LimitsConfig = Field(
        default_factory=LimitsConfig, description="What one source may cost."
    )
    rehash: bool = Field(
        default=False,
        description="Whether every build reads all files, instead of those alone whose size, "
        "times or number (inode) are not what they were.",
    )
    workers: int = Field(
        default=0, ge=0, le=64, description="Processes that run parsers; 0 for one a core, up to 4."
    )

    @model_validator(mode="after")
    def _lower(self) -> Self:
        for suffix in self.formats:
            if suffix != suffix.lower():
                raise ValueError(f"formats: write {suffix.lower()!r} instead of {suffix!r}")
        return self
