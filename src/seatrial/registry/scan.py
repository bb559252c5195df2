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
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeAlias

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

_SAVE_AGAIN: Final = "Copy or save the file again; compare its size with the original."


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """What was found in a model file.

    Args:
        format: the kind of file, by its content.
        compression: how a pickle is packed.
        sha256: of the file, hex.
        joblib_arrays: whether joblib wrote arrays between the opcodes.
        imports: what a pickle imports, and a skops or PyTorch file needs, dotted, sorted.
        outside: those of ``imports`` that are not on the list of model libraries.
        listed: distributions that the file itself says it needs.
        trusted: whether a person vouched for the file.
    """

    format: FileFormat
    compression: Compression
    sha256: str
    joblib_arrays: bool = False
    imports: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
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
    report = ScanReport(format=found, compression=compression, sha256=_sha256(path), trusted=trust)
    if found is FileFormat.PICKLE:
        return _scan_pickle(path, report, second_opinion, limit)
    if found is FileFormat.KERAS_H5:
        return _scan_h5(path, report, configuration(path))
    if (scan_of := _SCANS.get(found)) is not None:
        return scan_of(path, report, limit)
    return replace(report, trusted=False)  # data alone: there is nothing to trust


def _scan_pickle(
    path: Path, report: ScanReport, second_opinion: SecondOpinion, limit: int
) -> ScanReport:
    traced = _trace(path, report.compression, limit)
    outside = _outside(traced.imports)
    refuse_lost(path, traced.imports)
    if not report.trusted:
        refuse_unsafe(path, traced, frozenset(outside) | second_opinion(traced.imports))
    return replace(
        report,
        joblib_arrays=traced.joblib_arrays,
        imports=tuple(map(str, traced.imports)),
        outside=tuple(map(str, outside)),
    )


def _outside(imports: Iterable[Import]) -> tuple[Import, ...]:
    return tuple(one for one in imports if not is_allowed(one))


def _scan_skops(path: Path, report: ScanReport, limit: int) -> ScanReport:
    with _naming_damage(path, "skops file", _SAVE_AGAIN):
        types = types_of(path, limit=limit)
    outside = _outside(types)
    refuse_lost(path, types)
    if not report.trusted:
        refuse_imports(path, frozenset(outside))
    imports = (*map(str, types), "skops.io")
    return replace(report, imports=imports, outside=tuple(map(str, outside)))


def _scan_torch(path: Path, report: ScanReport, limit: int) -> ScanReport:
    found: tuple[Import, ...] = ()
    with _naming_damage(path, "PyTorch file", _SAVE_AGAIN):
        if report.format is FileFormat.TORCH:
            traced = pickle_of(path, limit=limit)
            found = traced.imports
            refuse_lost(path, found)
            if not report.trusted:
                refuse_unsafe(path, traced, frozenset(_outside(found)))
        elif not report.trusted and report.format is FileFormat.TORCHSCRIPT:
            refuse_reaching(path, reaches_out(path, limit=limit))
        elif not report.trusted:
            raise UnsafeModel(
                f"{path.name} comes from torch.export.save: PyTorch runs expressions in it as "
                "Python when it loads it.",
                remedy="Pass --trust if you made the file yourself. A TorchScript or ONNX file of "
                "the same model needs no trust.",
            )
    imports = (*map(str, found), "torch")
    return replace(report, imports=imports, outside=tuple(map(str, _outside(found))))


def _scan_huggingface(path: Path, report: ScanReport, limit: int) -> ScanReport:
    """Nobody's trust is asked for: what would run code is not read at all."""
    again = "Save it again with save_pretrained, or copy it again, whole."
    try:
        with _naming_damage(path, "folder of Hugging Face", again):
            for traced in check_folder(path, limit=limit):
                refuse_unsafe(path, traced, frozenset(_outside(traced.imports)))
    except BringsCode as named:
        raise UnsafeModel(
            f"{path.name} brings code along: its {named} names some in auto_map.",
            remedy="Nothing of it is run, with --trust neither. Serve it as a class of your own, "
            "module.py:Class, or save a model of an architecture that transformers has.",
        ) from named
    return replace(report, imports=("tokenizers", "torch", "transformers"), trusted=False)


def _scan_class(path: Path, report: ScanReport, limit: int) -> ScanReport:
    del limit  # checked when it was packed
    if not report.trusted:
        raise UnsafeModel(
            f"{path.name} is a class in Python: loading it runs its code.",
            remedy="Pass --trust if the code is yours or you have read it.",
        )
    again = "Deploy the class again, as module.py:Class."
    with _naming_damage(path, "archive of a Python class", again):
        found = imports_of(path)
    installed = tuple(name for name in found if _is_installed(name))
    return replace(report, imports=installed, outside=installed)


def _scan_pyfunc(path: Path, report: ScanReport, limit: int) -> ScanReport:
    if not report.trusted:
        raise UnsafeModel(
            f"{path.name} is a model that MLflow loads by code: that of whoever logged it, or of "
            "another library.",
            remedy="Pass --trust if you logged it yourself or know who did.",
        )
    with _naming_damage(path, "folder of MLflow", "Fetch or copy the folder again, whole."):
        needs = needs_of(path, limit=limit)
    installed = tuple(name for name in needs.modules if _is_installed(name))
    return replace(
        report,
        imports=("mlflow", "pandas", *installed),
        outside=("mlflow", *installed),
        listed=needs.listed,
    )


def _is_installed(module: str) -> bool:
    """Whether a module is here; code may name others that it can do without."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _scan_tensorflow(path: Path, report: ScanReport, limit: int) -> ScanReport:
    if report.format is FileFormat.SAVED_MODEL:
        return _tensorflow(path, report, (), imports=("tensorflow",))
    with _naming_damage(path, "Keras file", _SAVE_AGAIN):
        outside = outside_of(path, limit=limit)
    return _tensorflow(path, report, outside)


def _scan_h5(path: Path, report: ScanReport, configuration: str | None) -> ScanReport:
    if configuration is None:
        raise UnknownFormat(
            f"{path.name} is an HDF5 file without the configuration of a Keras model: weights "
            "alone, or no model at all.",
            remedy="Of weights, build the model in Python, call load_weights(file), and save the "
            "whole: model.save('model.keras').",
        )
    with _naming_damage(path, "Keras file", _SAVE_AGAIN):
        outside = outside_of_config(configuration)
    return _tensorflow(path, report, outside)


def _tensorflow(
    path: Path,
    report: ScanReport,
    outside: tuple[Import, ...],
    *,
    imports: tuple[str, ...] = ("keras", "tensorflow"),
) -> ScanReport:
    if not report.trusted:
        _refuse_code(path, report.format, outside)
    return replace(report, imports=imports, outside=tuple(map(str, outside)))


@contextmanager
def _naming_damage(path: Path, kind: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except (UnreadableArchive, UnreadableClass, UnreadableSkops, UnreadableTorch) as problem:
        raise CorruptModel(
            f"{path.name} is a damaged {kind}: {problem}.", remedy=remedy
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
            f"{path.name} is a damaged pickle: {error}.", remedy=_SAVE_AGAIN
        ) from error


_SCANS: Final[Mapping[FileFormat, Callable[[Path, ScanReport, int], ScanReport]]] = {
    FileFormat.SKOPS: _scan_skops,
    FileFormat.PYTHON_CLASS: _scan_class,
    FileFormat.TORCH: _scan_torch,
    FileFormat.TORCHSCRIPT: _scan_torch,
    FileFormat.TORCH_EXPORT: _scan_torch,
    FileFormat.KERAS: _scan_tensorflow,
    FileFormat.SAVED_MODEL: _scan_tensorflow,
    FileFormat.HUGGINGFACE: _scan_huggingface,
    FileFormat.PYFUNC: _scan_pyfunc,
}
