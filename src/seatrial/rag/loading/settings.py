"""The parts of the configuration that loaders themselves read."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from seatrial.kernel.config import ConfigModel, Names
from seatrial.release.config import Duration

_Name = Annotated[str, Field(min_length=1, max_length=200)]


class Fields(ConfigModel):
    """Which fields of a record (a line of JSONL, a row of a table) are what."""

    id: _Name = Field(
        default="id",
        description="Holds the record's id, unique in its file. A record without it is named by "
        "a digest of its content.",
    )
    title: _Name = Field(default="title", description="Holds the title.")
    text: Names = Field(
        default=("text",),
        min_length=1,
        description="One or several that hold the text; a record must have the first of them, and "
        "several are joined by an empty line.",
    )
    metadata: Names = Field(
        default=(), description="Those kept as metadata to filter by; * for all others."
    )
    readers: _Name | None = Field(
        default=None,
        description="Holds who may read it: a list, a name, or everyone. A record without it is "
        "skipped.",
    )
    language: _Name | None = Field(default=None, description="Holds an ISO 639-1 code.")
    created: _Name | None = Field(default=None, description="Holds an ISO 8601 date or time.")
    modified: _Name | None = Field(default=None, description="Holds an ISO 8601 date or time.")


class LimitsConfig(ConfigModel):
    """What one source may cost. What is over a limit is skipped, and told; nothing is cut off."""

    file_bytes: int = Field(
        default=100_000_000, ge=1, description="Bytes of a file that is one document."
    )
    stream_bytes: int = Field(
        default=10_000_000_000,
        ge=1,
        description="Bytes of a file of many documents, read record by record.",
    )
    record_bytes: int = Field(
        default=20_000_000,
        ge=1,
        description="Bytes of one record, message or attachment, or of a JSON list.",
    )
    unpacked_bytes: int = Field(
        default=400_000_000,
        ge=1,
        description="Bytes of a compressed file (.gz, .docx, .pptx, .xlsx) once it is unpacked; "
        "those of .jsonl.gz and its like may have stream_bytes.",
    )
    unpacked_ratio: float = Field(
        default=250.0,
        gt=1,
        description="How many times larger unpacking may make a file, over its first 10 MB.",
    )
    pages: int = Field(default=10_000, ge=1, description="Pages or slides of a document.")
    rows: int = Field(
        default=500_000, ge=1, description="Rows of a table that is one document, all sheets."
    )
    attachments: int = Field(default=100, ge=0, description="Attachments of a message.")
    files: int = Field(default=1_000_000, ge=1, description="Files found under one path.")
    time: Duration = Field(default=60.0, gt=0, description="How long one parser may run.")
    memory_bytes: int = Field(
        default=1_500_000_000,
        ge=200_000_000,
        description="Memory of a process that runs parsers.",
    )
