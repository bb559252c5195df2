"""What kind of file a model came in, judged by its content.

The name of a file says nothing here. Nothing is unpickled and no archive is opened.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from enum import StrEnum
from pathlib import Path
from typing import Final

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.registry.class_file import UnreadableClass, packed_of
from seatrial.registry.compression import MAGIC, Compression, open_stream, too_large
from seatrial.registry.huggingface_file import is_packed_folder
from seatrial.registry.keras_file import is_keras
from seatrial.registry.mar_file import UnreadableMar, model_in
from seatrial.registry.pyfunc_file import is_pyfunc
from seatrial.registry.saved_model_file import is_packed
from seatrial.registry.skops_file import MAGIC as ZIP
from seatrial.registry.skops_file import is_skops
from seatrial.registry.torch_file import TorchKind, kind_of

_HEAD_BYTES: Final = 4096


class UnknownFormat(Invalid):
    """The file is none of the kinds of model seatrial reads."""

    code = "model.unknown_format"


class CorruptModel(Invalid):
    """The file starts like a model and does not go on like one."""

    code = "model.corrupt"


class NoSuchModel(NotFound):
    """There is no file at the path given."""

    code = "model.no_such_file"


class FileFormat(StrEnum):
    """The kinds of model file."""

    PICKLE = "pickle"
    XGBOOST_JSON = "xgboost-json"
    XGBOOST_UBJ = "xgboost-ubj"
    LIGHTGBM_TEXT = "lightgbm-text"
    ONNX = "onnx"
    SKOPS = "skops"
    TORCH = "torch"
    TORCHSCRIPT = "torchscript"
    TORCH_EXPORT = "torch-export"
    KERAS = "keras"
    KERAS_H5 = "keras-h5"
    SAVED_MODEL = "saved-model"
    HUGGINGFACE = "huggingface"
    CATBOOST = "catboost-cbm"
    PYTHON_CLASS = "python-class"
    PYFUNC = "mlflow-pyfunc"


_TORCH: Final = {
    TorchKind.SAVED: FileFormat.TORCH,
    TorchKind.SCRIPT: FileFormat.TORCHSCRIPT,
    TorchKind.EXPORT: FileFormat.TORCH_EXPORT,
}

_HDF5: Final = b"\x89HDF\r\n\x1a\n"

_FOREIGN: Final = (
    (0, ZIP, "a zip archive that neither PyTorch nor skops nor Keras wrote"),
    (0, b"\x93NUMPY", "a numpy array"),
    (0, b"PAR1", "a Parquet file, which holds data and no model"),
    (0, b"binf", "XGBoost's old binary format"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (257, b"ustar", "a tar archive"),
)

_OLD_TORCH: Final = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The number by which torch.save began before PyTorch 1.6, as a pickle of its own."""

# The first opcodes of protocols 0 and 1, which have no header: (mark) global, list, dict, ...
_OLD_PICKLE: Final = b"(c]}lditNIUVSXGFKMJ)q0"


def detect(path: Path, *, limit: int) -> tuple[FileFormat, Compression]:
    """The format and packing of the file at ``path``, by its first bytes.

    Args:
        path: the file.
        limit: bytes the file may hold, packed; at least 1.
    Raises: NoSuchModel, UnknownFormat, CorruptModel, ModelTooLarge.
    """
    head = _head(path, limit)
    if head.startswith(_OLD_TORCH):
        raise UnknownFormat(
            f"{path.name} has the format that torch.save wrote before PyTorch 1.6.",
            remedy="Load it with torch.load where you trust it, and save it again with torch.save.",
        )
    compression = next((c for magic, c in MAGIC if head.startswith(magic)), Compression.NONE)
    if compression is not Compression.NONE:
        head = _unpacked_head(path, compression, limit)
    found = _by_content(head)
    if found is None and head.startswith(ZIP):
        found = _archived(path)
    if found is None:
        raise _unknown(path, head)
    if compression is not Compression.NONE and found is not FileFormat.PICKLE:
        raise UnknownFormat(
            f"{path.name} is a packed {found.value} file.",
            remedy="Unpack it first; only pickled models may be compressed.",
        )
    return found, compression


def _archived(path: Path) -> FileFormat | None:
    """The format of a zip archive.   Raises: CorruptModel."""
    try:
        if packed_of(path) is not None:
            return FileFormat.PYTHON_CLASS
    except UnreadableClass as problem:
        raise CorruptModel(
            f"{path.name} is a damaged archive of a Python class: {problem}.",
            remedy="Deploy the class again, as module.py:Class.",
        ) from problem
    named = next((found for found, fits in _ARCHIVES if fits(path)), None)
    if named is not None:
        return named
    _refuse_mar(path)
    kind = kind_of(path)
    if kind is None and not zipfile.is_zipfile(path):
        raise CorruptModel(
            f"{path.name} starts like a zip archive, as PyTorch, Keras and skops write, and "
            "breaks off.",
            remedy="Copy or save the file again; compare its size with the original.",
        )
    return None if kind is None else _TORCH[kind]


_ARCHIVES: Final = (
    (FileFormat.SKOPS, is_skops),
    (FileFormat.PYFUNC, is_pyfunc),
    (FileFormat.KERAS, is_keras),
    (FileFormat.SAVED_MODEL, is_packed),
    (FileFormat.HUGGINGFACE, is_packed_folder),
)
"""Archives that are told by the names in them."""


def _refuse_mar(path: Path) -> None:
    """Say where the model is that somebody packed for TorchServe."""
    try:
        held = model_in(path) if zipfile.is_zipfile(path) else None
    except UnreadableMar as problem:
        raise CorruptModel(
            f"{path.name} is a damaged model archive of TorchServe: {problem}.",
            remedy="Copy or archive the model again; compare its size with the original.",
        ) from problem
    if held is not None:
        raise UnknownFormat(
            f"{path.name} is a model archive of TorchServe"
            + (f"; the model in it is {held!r}." if held else ", of code and no model file."),
            remedy=f"Take the model out, as by unzip {path.name}, and give that file.",
        )


def _head(path: Path, limit: int) -> bytes:
    if path.is_dir():
        raise UnknownFormat(
            f"{path.name} is a folder without saved_model.pb in it.",
            remedy="Give the file of the model, or the folder of a SavedModel.",
        )
    if not path.is_file():
        raise NoSuchModel(
            f"There is no file {str(path)!r}.", remedy="Give the path of the saved model."
        )
    size = path.stat().st_size
    if size > limit:
        raise too_large(path, limit)
    if size == 0:
        raise CorruptModel(
            f"{path.name} is empty.",
            remedy="Save the model again; check that the disk was not full.",
        )
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _unpacked_head(path: Path, compression: Compression, limit: int) -> bytes:
    try:
        with open_stream(path, compression, limit=limit) as stream:
            return stream.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, RuntimeError) as error:
        raise CorruptModel(
            f"{path.name} starts like {compression.value} and cannot be unpacked: {error}.",
            remedy="Copy or save the file again; it is damaged.",
        ) from error


def _by_content(head: bytes) -> FileFormat | None:
    return next((found for found, fits in _CONTENT if fits(head)), None)


def _is_onnx(head: bytes) -> bool:
    """ModelProto as every exporter writes it: ir_version first, then known top-level fields."""
    if len(head) < 4 or head[0] != 0x08 or not 1 <= head[1] <= 64:
        return False
    field, wire = head[2] >> 3, head[2] & 7
    return field in range(2, 26) and wire in (0, 2)


def _is_pickle(head: bytes) -> bool:
    return head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5


def _is_ubj(head: bytes) -> bool:
    return head.startswith(b"{L") and b"learner" in head


def _is_json(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"learner"' in head


def _is_lightgbm(head: bytes) -> bool:
    return head.startswith((b"tree\n", b"tree\r\n"))


def _is_hdf5(head: bytes) -> bool:
    return head.startswith(_HDF5)


def _is_catboost(head: bytes) -> bool:
    return head.startswith(b"CBM1")


def _may_be_old_pickle(head: bytes) -> bool:
    """Protocols 0 and 1 have no header and look like prose; `scan` reads on to be sure."""
    foreign = any(head[at : at + len(magic)] == magic for at, magic, _ in _FOREIGN)
    return not foreign and head[0] in _OLD_PICKLE


_CONTENT: Final = (
    (FileFormat.PICKLE, _is_pickle),
    (FileFormat.LIGHTGBM_TEXT, _is_lightgbm),
    (FileFormat.XGBOOST_UBJ, _is_ubj),
    (FileFormat.XGBOOST_JSON, _is_json),
    (FileFormat.CATBOOST, _is_catboost),
    (FileFormat.KERAS_H5, _is_hdf5),
    (FileFormat.ONNX, _is_onnx),
    (FileFormat.PICKLE, _may_be_old_pickle),
)


def _unknown(path: Path, head: bytes) -> UnknownFormat:
    for at, magic, what in _FOREIGN:
        if head[at : at + len(magic)] == magic:
            return UnknownFormat(
                f"{path.name} is {what}.",
                remedy="Save the model with pickle or joblib, as XGBoost .json or .ubj, as "
                "LightGBM .txt or .keras, with torch.save or torch.jit.save, or export it to ONNX.",
            )
    return UnknownFormat(
        f"{path.name} is not a model: its content is no pickle, joblib, XGBoost, LightGBM or ONNX.",
        remedy="Give the file that pickle.dump, joblib.dump, save_model or an ONNX exporter wrote.",
    )
