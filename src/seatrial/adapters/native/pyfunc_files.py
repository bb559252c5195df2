"""Loading a folder of MLflow by MLflow, where what the model needs is installed."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from seatrial.adapters.native.pyfunc_inputs import taken_by
from seatrial.adapters.native.pyfunc_model import PyfuncModel
from seatrial.adapters.native.pyfunc_needs import check_needs
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel
from seatrial.registry.pyfunc_file import unpack_pyfunc
from seatrial.registry.saved_model_file import NoSignature, UnreadableArchive
from seatrial.registry.scan import MAX_MODEL_BYTES
from seatrial.serving.failures import CodeFailed

_SILENT: Final = "MLFLOW_DISABLE_TELEMETRY"


def load_pyfunc(path: Path, *, any_version: bool) -> PyfuncModel:
    """The model in an archive of `registry.pyfunc_file`, which runs its code.

    Args: any_version: accept other versions than the model was logged with.
    Raises: CorruptModel, MissingLibrary, VersionMismatch, CodeFailed, NoSignature,
        UnsupportedModel.
    """
    folder = Path(mkdtemp(prefix="mlflow-"))
    try:
        unpack_pyfunc(path, folder, limit=MAX_MODEL_BYTES)
    except UnreadableArchive as problem:
        raise CorruptModel(
            f"{path.name} is a damaged folder of MLflow: {problem}.",
            remedy="Fetch or copy the folder again, whole.",
        ) from problem
    _import_mlflow(path)
    check_needs(path.name, folder, any_version=any_version)
    return _model(path, _loaded(path, folder))


def _model(path: Path, loaded: Any) -> PyfuncModel:
    told = loaded.metadata
    schema = told.get_input_schema()
    if schema is None:
        raise NoSignature(
            f"{path.name} was logged without a signature, so nothing says what it takes.",
            remedy="Log it with an input_example, or give the one that is there a signature: "
            "mlflow.models.set_signature(MODEL_URI, mlflow.models.infer_signature(rows, answers)).",
        )
    own = _own_code(loaded)
    return PyfuncModel(
        loaded,
        taken_by(schema.to_dict()),
        own=own,
        title=str(loaded.loader_module) if own is None else f"mlflow.pyfunc.{type(own).__name__}",
        logged_by=told.mlflow_version,
        notes=_notes(told.get_params_schema()),
    )


def _own_code(loaded: Any) -> object | None:
    """The object that somebody logged as a ``python_model``."""
    from mlflow.exceptions import MlflowException

    try:
        found: object = loaded.unwrap_python_model()
    except (MlflowException, AttributeError):
        return None
    return found


def _notes(parameters: Any) -> tuple[str, ...]:
    """What a person should know of parameters, which no request can set."""
    if parameters is None:
        return ()
    held = [f"{one['name']} = {one['default']}" for one in parameters.to_dict()]
    return ("Its parameters have the values that were logged: " + ", ".join(held) + ".",)


def _import_mlflow(path: Path) -> None:
    os.environ[_SILENT] = "true"
    try:
        import mlflow.pyfunc  # noqa: F401
        import pandas as pd  # noqa: F401  MLflow's rows are data frames
    except ModuleNotFoundError as error:
        raise missing_library((error.name or "").partition(".")[0], path=path) from error


def _loaded(path: Path, folder: Path) -> Any:
    import mlflow.pyfunc

    try:
        return mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
    except (MemoryError, SeatrialError):
        raise
    except ModuleNotFoundError as error:
        raise missing_library((error.name or "").partition(".")[0], path=path) from error
    except BaseException as error:  # also SystemExit, of code that was meant to be run
        said = str(error).replace(str(folder), path.name).strip()
        lines = said.splitlines() or ["it says nothing"]
        raise CodeFailed(
            f"MLflow cannot load {path.name}: {type(error).__name__}: "
            f"{lines[0][:300].rstrip(' .')}.",
            remedy="Load it by mlflow.pyfunc.load_model in a fresh Python, from another folder, "
            "and mend what that says: files it reads are artifacts, modules are code_paths.",
        ) from error
