"""Is this file plainly a model? Judged before anything in it runs.

A pickle is a program. It is read without being run (`pickle_trace`), and what it would import is
held against a short list (`allowed`) and against a second opinion (`adapters/picklescan.py`).
The own formats of XGBoost, LightGBM, CatBoost and ONNX hold data only and are told by their
content.
"""

from __future__ import annotations

import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from seatrial.registry.allowed import Import, is_allowed
from seatrial.registry.class_file import UnreadableClass, imports_of
from seatrial.registry.compression import Compression, open_stream
from seatrial.registry.huggingface_file import BringsCode, check_folder
from seatrial.registry.keras_file import outside_of, outside_of_config
from seatrial.registry.model_file import CorruptModel, FileFormat, UnknownFormat, detect
from seatrial.registry.pickle_trace import Trace, Untraceable, trace
from seatrial.registry.pyfunc_file import needs_of
from seatrial.registry.saved_model_file import UnreadableArchive
from seatrial.registry.skops_file import UnreadableSkops, types_of
from seatrial.registry.torch_file import UnreadableTorch, pickle_of, reaches_out
from seatrial.registry.unsafe import (
    UnsafeModel,
    refuse_imports,
    refuse_lost,
    refuse_reaching,
    refuse_unsafe,
)

MAX_MODEL_BYTES: Final = 4 << 30
"""Bytes a model file may hold, packed or unpacked, unless told otherwise."""

SecondOpinion: TypeAlias = Callable[[Iterable[Import]], frozenset[Import]]
"""Which of some imports somebody else's list calls dangerous."""

Configuration: TypeAlias = Callable[[Path], str | None]
"""What an HDF5 file says of the Keras model in it; None where it holds none."""


_READ_BY: Final[Mapping[FileFormat, tuple[str, ...]]] = {
    FileFormat.CATBOOST: ("catboost",),
    FileFormat.LIGHTGBM_TEXT: ("lightgbm",),
    FileFormat.XGBOOST_JSON: ("xgboost",),
    FileFormat.XGBOOST_UBJ: ("xgboost",),
}
"""The library of files that name none, for they are data alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """What was found in a model file.

    Args:
        format: the kind of file, by its content.
        compression: how a pickle is packed.
        size_bytes: of the file.
        sha256: of the file, hex.
        protocol: of a pickle, else None.
        joblib_arrays: whether joblib wrote arrays between the opcodes.
        imports: what a pickle imports, and a skops or PyTorch file needs, dotted, sorted.
        outside: those of ``imports`` that are not on the list of model libraries.
        dangerous: those of ``imports`` that are known to run code.
        listed: distributions that the file itself says it needs.
        trusted: whether a person vouched for the file.
    """

    format: FileFormat
    compression: Compression
    size_bytes: int
    sha256: str
    protocol: int | None = None
    joblib_arrays: bool = False
    imports: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    dangerous: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    trusted: bool = False

    @property
    def modules(self) -> tuple[str, ...]:
        """What has to be importable where the model is loaded, dotted."""
        return (*self.imports, *_READ_BY.get(self.format, ()))


def scan(
    path: Path,
    *,
    trust: bool = False,
    second_opinion: SecondOpinion,
    configuration: Configuration = lambda _: None,
    limit: int = MAX_MODEL_BYTES,
) -> ScanReport:
    """Read the file at ``path`` without running it and say what it is.

    Reading hostile files can take long and much memory: call it in a child process with limits.

    Args:
        path: the model file.
        trust: accept imports outside the list; a person vouches for the file.
        second_opinion: names dangerous imports, besides our own list.
        configuration: reads HDF5, for which there is no reader here.
        limit: bytes the file may hold, packed or unpacked, at least 1.
    Raises: UnsafeModel, LostDefinition, UnknownFormat, CorruptModel, ModelTooLarge, NoSuchModel.
    """
    found, compression = detect(path, limit=limit)
    size, digest = path.stat().st_size, _sha256(path)
    if found is FileFormat.SKOPS:
        return _scan_skops(path, size, digest, trust=trust, limit=limit)
    if found is FileFormat.PYTHON_CLASS:
        return _scan_class(path, size, digest, trust=trust)
    if found is FileFormat.KERAS_H5:
        return _scan_h5(path, size, digest, configuration(path), trust=trust)
    if (scan_of := _LIBRARIES.get(found)) is not None:
        return scan_of(path, found, size, digest, trust=trust, limit=limit)
    if found is not FileFormat.PICKLE:
        return ScanReport(format=found, compression=compression, size_bytes=size, sha256=digest)
    traced = _trace(path, compression, limit)
    outside = tuple(i for i in traced.imports if not is_allowed(i))
    dangerous = second_opinion(traced.imports)
    refuse_lost(path, traced.imports)
    if not trust:
        refuse_unsafe(path, traced, frozenset(outside) | dangerous)
    return ScanReport(
        format=found,
        compression=compression,
        size_bytes=size,
        sha256=digest,
        protocol=traced.protocol,
        joblib_arrays=traced.joblib_arrays,
        imports=tuple(map(str, traced.imports)),
        outside=tuple(map(str, outside)),
        dangerous=tuple(map(str, sorted(dangerous))),
        trusted=trust,
    )


def _scan_skops(path: Path, size: int, digest: str, *, trust: bool, limit: int) -> ScanReport:
    try:
        types = types_of(path, limit=limit)
    except UnreadableSkops as problem:
        raise CorruptModel(
            f"{path.name} is a damaged skops file: {problem}.",
            remedy="Copy or save the file again; compare its size with the original.",
        ) from problem
    outside = tuple(one for one in types if not is_allowed(one))
    refuse_lost(path, types)
    if not trust:
        refuse_imports(path, frozenset(outside))
    return ScanReport(
        format=FileFormat.SKOPS,
        compression=Compression.NONE,
        size_bytes=size,
        sha256=digest,
        imports=(*map(str, types), "skops.io"),
        outside=tuple(map(str, outside)),
        trusted=trust,
    )


def _scan_torch(
    path: Path, kind: FileFormat, size: int, digest: str, *, trust: bool, limit: int
) -> ScanReport:
    found: tuple[Import, ...] = ()
    try:
        if kind is FileFormat.TORCH:
            traced = pickle_of(path, limit=limit)
            found = traced.imports
            refuse_lost(path, found)
            if not trust:
                refuse_unsafe(path, traced, frozenset(i for i in found if not is_allowed(i)))
        elif not trust and kind is FileFormat.TORCHSCRIPT:
            refuse_reaching(path, reaches_out(path, limit=limit))
        elif not trust:
            raise UnsafeModel(
                f"{path.name} comes from torch.export.save: PyTorch runs expressions in it as "
                "Python when it loads it.",
                remedy="Pass --trust if you made the file yourself. A TorchScript or ONNX file of "
                "the same model needs no trust.",
            )
    except UnreadableTorch as problem:
        raise CorruptModel(
            f"{path.name} is a damaged PyTorch file: {problem}.",
            remedy="Copy or save the file again; compare its size with the original.",
        ) from problem
    outside = tuple(one for one in found if not is_allowed(one))
    return ScanReport(
        format=kind,
        compression=Compression.NONE,
        size_bytes=size,
        sha256=digest,
        imports=(*map(str, found), "torch"),
        outside=tuple(map(str, outside)),
        trusted=trust,
    )


def _scan_huggingface(
    path: Path, kind: FileFormat, size: int, digest: str, *, trust: bool, limit: int
) -> ScanReport:
    """Nobody's trust is asked for: what would run code is not read at all."""
    del trust
    try:
        for traced in check_folder(path, limit=limit):
            refuse_unsafe(path, traced, frozenset(i for i in traced.imports if not is_allowed(i)))
    except BringsCode as named:
        raise UnsafeModel(
            f"{path.name} brings code along: its {named} names some in auto_map.",
            remedy="Nothing of it is run, with --trust neither. Serve it as a class of your own, "
            "module.py:Class, or save a model of an architecture that transformers has.",
        ) from named
    except UnreadableArchive as problem:
        raise CorruptModel(
            f"{path.name} is a damaged folder of Hugging Face: {problem}.",
            remedy="Save it again with save_pretrained, or copy it again, whole.",
        ) from problem
    return ScanReport(
        format=kind,
        compression=Compression.NONE,
        size_bytes=size,
        sha256=digest,
        imports=("tokenizers", "torch", "transformers"),
    )


def _scan_class(path: Path, size: int, digest: str, *, trust: bool) -> ScanReport:
    if not trust:
        raise UnsafeModel(
            f"{path.name} is a class in Python: loading it runs its code.",
            remedy="Pass --trust if the code is yours or you have read it.",
        )
    try:
        found = imports_of(path)
    except UnreadableClass as problem:
        raise CorruptModel(
            f"{path.name} is a damaged archive of a Python class: {problem}.",
            remedy="Deploy the class again, as module.py:Class.",
        ) from problem
    installed = tuple(name for name in found if _is_installed(name))
    return ScanReport(
        format=FileFormat.PYTHON_CLASS,
        compression=Compression.NONE,
        size_bytes=size,
        sha256=digest,
        imports=installed,
        outside=installed,
        trusted=trust,
    )


def _scan_pyfunc(
    path: Path, kind: FileFormat, size: int, digest: str, *, trust: bool, limit: int
) -> ScanReport:
    if not trust:
        raise UnsafeModel(
            f"{path.name} is a model that MLflow loads by code: that of whoever logged it, or of "
            "another library.",
            remedy="Pass --trust if you logged it yourself or know who did.",
        )
    try:
        needs = needs_of(path, limit=limit)
    except UnreadableArchive as problem:
        raise CorruptModel(
            f"{path.name} is a damaged folder of MLflow: {problem}.",
            remedy="Fetch or copy the folder again, whole.",
        ) from problem
    installed = tuple(name for name in needs.modules if _is_installed(name))
    return ScanReport(
        format=kind,
        compression=Compression.NONE,
        size_bytes=size,
        sha256=digest,
        imports=("mlflow", "pandas", *installed),
        outside=("mlflow", *installed),
        listed=needs.listed,
        trusted=trust,
    )


def _is_installed(module: str) -> bool:
    """Whether a module is here; code may name others that it can do without."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _scan_tensorflow(
    path: Path, kind: FileFormat, size: int, digest: str, *, trust: bool, limit: int
) -> ScanReport:
    outside: tuple[Import, ...] = ()
    if kind is FileFormat.KERAS:
        with _naming_damage(path):
            outside = outside_of(path, limit=limit)
    if not trust:
        _refuse_code(path, kind, outside)
    return _tensorflow(kind, size, digest, outside, trust=trust)


def _scan_h5(
    path: Path, size: int, digest: str, configuration: str | None, *, trust: bool
) -> ScanReport:
    if configuration is None:
        raise UnknownFormat(
            f"{path.name} is an HDF5 file without the configuration of a Keras model: weights "
            "alone, or no model at all.",
            remedy="Of weights, build the model in Python, call load_weights(file), and save the "
            "whole: model.save('model.keras').",
        )
    with _naming_damage(path):
        outside = outside_of_config(configuration)
    if not trust:
        _refuse_code(path, FileFormat.KERAS_H5, outside)
    return _tensorflow(FileFormat.KERAS_H5, size, digest, outside, trust=trust)


def _tensorflow(
    kind: FileFormat, size: int, digest: str, outside: tuple[Import, ...], *, trust: bool
) -> ScanReport:
    return ScanReport(
        format=kind,
        compression=Compression.NONE,
        size_bytes=size,
        sha256=digest,
        imports=("tensorflow",) if kind is FileFormat.SAVED_MODEL else ("keras", "tensorflow"),
        outside=tuple(map(str, outside)),
        trusted=trust,
    )


@contextmanager
def _naming_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except UnreadableArchive as problem:
        raise CorruptModel(
            f"{path.name} is a damaged Keras file: {problem}.",
            remedy="Copy or save the file again; compare its size with the original.",
        ) from problem


def _refuse_code(path: Path, kind: FileFormat, outside: tuple[Import, ...]) -> None:
    if kind is FileFormat.SAVED_MODEL:
        raise UnsafeModel(
            f"{path.name} is a SavedModel, a program whose operators can read and write files.",
            remedy="Pass --trust if you made it yourself. A .keras or ONNX file of the same model "
            "needs no trust.",
        )
    if outside:
        names = list(map(str, outside))
        raise UnsafeModel(
            f"{path.name} brings code or files of its own: {', '.join(names[:5])}.",
            remedy="Build the model of Keras's own layers, without Lambda. Pass --trust if you "
            "made the file yourself; otherwise do not load it.",
            imports=names,
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _trace(path: Path, compression: Compression, limit: int) -> Trace:
    try:
        with open_stream(path, compression, limit=limit) as stream:
            return trace(stream)
    except (Untraceable, OSError, zlib.error, lzma.LZMAError) as error:
        with path.open("rb") as file:
            headed = compression is not Compression.NONE or file.read(1) == b"\x80"
        if not headed:
            raise UnknownFormat(
                f"{path.name} is not a model: its content is no pickle, joblib, XGBoost, LightGBM "
                "or ONNX.",
                remedy="Give the file that pickle.dump, joblib.dump, save_model or an ONNX "
                "exporter wrote.",
            ) from error
        raise CorruptModel(
            f"{path.name} is a damaged pickle: {error}.",
            remedy="Copy or save the file again; compare its size with the original.",
        ) from error


class _Scan(Protocol):
    def __call__(
        self, path: Path, kind: FileFormat, size: int, digest: str, /, *, trust: bool, limit: int
    ) -> ScanReport: ...


_LIBRARIES: Final[Mapping[FileFormat, _Scan]] = {
    FileFormat.TORCH: _scan_torch,
    FileFormat.TORCHSCRIPT: _scan_torch,
    FileFormat.TORCH_EXPORT: _scan_torch,
    FileFormat.KERAS: _scan_tensorflow,
    FileFormat.SAVED_MODEL: _scan_tensorflow,
    FileFormat.HUGGINGFACE: _scan_huggingface,
    FileFormat.PYFUNC: _scan_pyfunc,
}
