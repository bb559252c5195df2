"""A wheel of the running seatrial, so that a container serves with the code that was tested.

Made from the files Python imports, so an editable install gives the same wheel as an installed one.
It is a part of seatrial: it asks for what a server needs and has no command, and says so with the
local version ``+serving`` (PEP 440), which no package index accepts or offers.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import seatrial
from seatrial.packaging.requirements import SERVER

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A built wheel.

    Args:
        filename: as pip expects it.
        requirement: the line that installs it, given where it lies.
        content: the bytes; the same for the same code.
    """

    filename: str
    requirement: str
    content: bytes


@cache
def serving_wheel() -> Wheel:
    """The wheel of the seatrial that runs this line; made once, since that stays the same."""
    version = f"{seatrial.__version__}+serving"
    info = f"seatrial-{version}.dist-info"
    files = dict(_files(resources.files(seatrial), "seatrial"))
    files[f"{info}/METADATA"] = _metadata(version).encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: seatrial\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    return Wheel(
        filename=f"seatrial-{version}-py3-none-any.whl",
        requirement=f"seatrial=={version}",
        content=_zipped(files),
    )


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name == "__pycache__" or entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(entry, f"{path}/{entry.name}")
        else:
            yield f"{path}/{entry.name}", entry.read_bytes()


def _metadata(version: str) -> str:
    lines = [
        "Metadata-Version: 2.4",
        "Name: seatrial",
        f"Version: {version}",
        "Summary: The part of seatrial that serves a bundle",
        "License-Expression: Apache-2.0",
        "Requires-Python: >=3.11",
        *(f"Requires-Dist: {name}" for name in SERVER),
    ]
    return "\n".join(lines) + "\n"


def _record(files: dict[str, bytes], own: str) -> bytes:
    lines = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(content)}")
    return "\n".join([*lines, f"{own},,"]).encode() + b"\n"


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    # Stored, not deflated: builds of zlib differ in what they write, and the package is small.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, date_time=_EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()
