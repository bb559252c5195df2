"""From a scanned file to a loaded model, every failure with a name and a way out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from seatrial.adapters.native.catboost_model import load_catboost
from seatrial.adapters.native.class_model import load_class
from seatrial.adapters.native.huggingface_files import load_huggingface
from seatrial.adapters.native.lightgbm_model import LightgbmModel, load_lightgbm
from seatrial.adapters.native.loaded import LoadedModel
from seatrial.adapters.native.onnx_model import load_onnx
from seatrial.adapters.native.parameters import check_parameters
from seatrial.adapters.native.pickles import load_pickle
from seatrial.adapters.native.sklearn_model import SklearnModel
from seatrial.adapters.native.skops_files import load_skops
from seatrial.adapters.native.tensorflow_files import load_tensorflow
from seatrial.adapters.native.threads import allowed_threads, hold
from seatrial.adapters.native.torch_files import load_torch
from seatrial.adapters.native.xgboost_model import XgboostModel, load_xgboost
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel, FileFormat
from seatrial.registry.scan import ScanReport
from seatrial.registry.unsafe import LostDefinition
from seatrial.serving.failures import VersionMismatch


def open_model(
    path: Path, report: ScanReport, *, any_version: bool = False, code: str | None = None
) -> LoadedModel:
    """The model in a scanned file.

    Args:
        path: the file.
        report: what the scan said of it.
        any_version: accept a scikit-learn of another minor version than the one that saved it.
        code: of a state dict of PyTorch, what makes its module, ``module:callable``.
    Raises: NotAModel, MissingLibrary, VersionMismatch, LostDefinition, CorruptModel, UnsafeModel.
    """
    match report.format:
        case FileFormat.TORCH | FileFormat.TORCHSCRIPT | FileFormat.TORCH_EXPORT:
            return load_torch(path, report, code=code)
        case FileFormat.KERAS | FileFormat.KERAS_H5 | FileFormat.SAVED_MODEL:
            return load_tensorflow(path, report)
        case FileFormat.PICKLE | FileFormat.SKOPS:
            return _unpickled(path, report, any_version=any_version)
        case FileFormat.PYFUNC:
            # needs what MLflow brings, and containers of other models do without
            from seatrial.adapters.native.pyfunc_files import load_pyfunc

            return load_pyfunc(path, any_version=any_version)
        case alone:
            return _ALONE[alone](path)


_ALONE: Final[Mapping[FileFormat, Callable[[Path], LoadedModel]]] = {
    FileFormat.CATBOOST: load_catboost,
    FileFormat.HUGGINGFACE: load_huggingface,
    FileFormat.LIGHTGBM_TEXT: load_lightgbm,
    FileFormat.ONNX: load_onnx,
    FileFormat.PYTHON_CLASS: load_class,
    FileFormat.XGBOOST_JSON: load_xgboost,
    FileFormat.XGBOOST_UBJ: load_xgboost,
}
"""Formats that need nothing but the file."""


def _unpickled(path: Path, report: ScanReport, *, any_version: bool) -> LoadedModel:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = _loaded(path, report)
    if not report.trusted:
        check_parameters(found, path.name)
    trained = _trained_version(heard)
    if trained is not None and not any_version:
        _check_version(path, trained)
    kind = type(found)
    if kind.__name__ == "Booster" and kind.__module__ == "xgboost.core":
        return XgboostModel(found)
    if kind.__name__ == "Booster" and kind.__module__ == "lightgbm.basic":
        return LightgbmModel(found)
    hold(found, threads=allowed_threads())
    return SklearnModel(found, trained_version=trained or _own_version(found))


def _loaded(path: Path, report: ScanReport) -> object:
    try:
        if report.format is FileFormat.SKOPS:
            return load_skops(path, report)
        return load_pickle(path, report)
    except SeatrialError:
        raise
    except ModuleNotFoundError as error:
        raise _without_module(path, error) from error
    except AttributeError as error:
        raise _without_name(path, error) from error
    except MemoryError:
        raise
    except Exception as error:
        raise CorruptModel(
            f"{path.name} cannot be loaded: {type(error).__name__}: {error}.",
            remedy="Save the model again, with the library versions that are installed here.",
        ) from error


def _without_module(path: Path, error: ModuleNotFoundError) -> SeatrialError:
    top, _, rest = (error.name or "").partition(".")
    if rest and top in ("sklearn", "numpy", "xgboost", "lightgbm", "scipy", "pandas"):
        return VersionMismatch(
            f"{path.name} needs {error.name!r}, which the installed {top} does not have.",
            remedy=f"Install the version of {top} the model was saved with, or save it again.",
            package=top,
        )
    return missing_library(top, path=path)


def _without_name(path: Path, error: AttributeError) -> SeatrialError:
    told = re.search(r"attribute '(\w+)'.*'?(?:module )?'?([\w.]+)'?", str(error))
    if "__main__" in str(error):
        name = told[1] if told else "a definition"
        return LostDefinition(
            f"{path.name} needs {name!r}, which exists only in the script that saved it.",
            remedy=f"Move {name!r} into a module of its own, then save the model again.",
        )
    return VersionMismatch(
        f"{path.name} does not fit the installed libraries: {error}.",
        remedy="Install the versions the model was saved with, or save it again.",
    )


def _trained_version(heard: list[warnings.WarningMessage]) -> str | None:
    for warning in heard:
        version = getattr(warning.message, "original_sklearn_version", None)
        if version is not None:
            return str(version)
    return None


def _own_version(found: Any) -> str | None:
    if not type(found).__module__.startswith("sklearn."):
        return None
    from sklearn import __version__

    return str(__version__)


def _check_version(path: Path, trained: str) -> None:
    """Patch releases of scikit-learn read each other's models; minor ones do not promise it."""
    from sklearn import __version__

    if trained.split(".")[:2] == __version__.split(".")[:2]:
        return
    raise VersionMismatch(
        f"{path.name} was saved with scikit-learn {trained}; {__version__} is installed.",
        remedy=f"Run: pip install scikit-learn=={trained}  or pass --any-version to try it so.",
        trained=trained,
        installed=__version__,
    )
