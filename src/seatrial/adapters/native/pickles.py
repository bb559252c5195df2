"""Unpickling under the same rules as the scan: every import is judged again as it happens.

So a stream that read harmless to the scan and reads otherwise here still gets nothing that is not
allowed. What a person vouched for (``trust``) is loaded as the libraries would.
"""

from __future__ import annotations

import codecs
import importlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from seatrial.registry.allowed import (
    ENCODE,
    UFUNC_RECONSTRUCT,
    UFUNCS,
    Import,
    is_allowed,
    is_exact,
    is_model_class,
    named,
)
from seatrial.registry.compression import open_stream
from seatrial.registry.scan import MAX_MODEL_BYTES, ScanReport
from seatrial.registry.unsafe import UnsafeModel


def load_pickle(path: Path, report: ScanReport, *, limit: int = MAX_MODEL_BYTES) -> object:
    """The object in the pickle or joblib file at ``path``.

    Args:
        path: the file.
        report: what the scan said of it; its ``trusted`` lifts the rules.
        limit: bytes the file may unpack to.
    Raises: UnsafeModel, ModelTooLarge, and whatever unpickling raises.
    """
    find = find_of(report)
    with open_stream(path, report.compression, limit=limit) as stream:
        if report.joblib_arrays:
            return _joblib_unpickler(path, stream, find).load()
        return _Unpickler(stream, find).load()


def find_of(report: ScanReport) -> Callable[[Import], object]:
    """What an unpickler imports by: the rules, or, of a file that is trusted, as libraries do."""
    return _import if report.trusted else _guarded


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: BinaryIO, find: Callable[[Import], object]) -> None:
        super().__init__(stream)
        self._find = find

    def find_class(self, module_name: str, global_name: str, /) -> object:
        return self._find(named(module_name, global_name))


def _joblib_unpickler(
    path: Path, stream: BinaryIO, find: Callable[[Import], object]
) -> pickle.Unpickler:
    from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

    class Wrapper(NumpyArrayWrapper):  # type: ignore[misc]  # joblib is untyped
        """Reads arrays of objects, nested pickles, under the rules too."""

        def read_array(self, unpickler: object, ensure_native_byte_order: bool) -> object:  # noqa: FBT001
            if self.dtype.hasobject:
                return _Unpickler(stream, find).load()
            return super().read_array(unpickler, ensure_native_byte_order)

    class Unpickler(NumpyUnpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> object:
            if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
                return Wrapper
            return find(named(module, name))

    unpickler = Unpickler(str(path), stream, ensure_native_byte_order=True)
    return cast("pickle.Unpickler", unpickler)


def _import(wanted: Import) -> object:
    found: object = importlib.import_module(wanted.module)
    for part in wanted.name.split("."):
        found = getattr(found, part)
    return found


def _guarded(wanted: Import) -> object:
    if wanted in UFUNC_RECONSTRUCT:
        return _ufunc
    if wanted == ENCODE:
        return _encode
    if not is_allowed(wanted):
        raise refusal(wanted)
    found: object = getattr(importlib.import_module(wanted.module), wanted.name)
    if not is_exact(wanted) and not _belongs(wanted, found):
        raise refusal(wanted)
    return found


def _belongs(wanted: Import, found: object) -> bool:
    """Whether what a rule of shape let through is defined where the rules allow it."""
    home = Import(getattr(found, "__module__", None) or "", getattr(found, "__name__", ""))
    return is_allowed(home) and (isinstance(found, type) or not is_model_class(wanted))


def _ufunc(module: str, name: str) -> object:
    if module != "numpy" or name not in UFUNCS:
        raise refusal(named(module, name))
    return _import(Import(module, name))


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if codecs.lookup(encoding).name != "iso8859-1":
        raise refusal(Import("_codecs", f"encode({encoding})"))
    return text.encode("latin1")


def refusal(wanted: Import) -> UnsafeModel:
    """The error for an import that loading asked for and the rules do not allow."""
    return UnsafeModel(
        f"The model imports {wanted}, which is outside the known model libraries.",
        remedy="Pass --trust if you made the file yourself; otherwise do not load it.",
        imports=[str(wanted)],
    )
