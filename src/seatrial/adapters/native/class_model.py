"""Models in plain Python: a class of somebody's own with ``load`` and ``predict``.

    class Churn:
        def load(self, path): ...       # or a classmethod that returns the model
        def predict(self, rows): ...    # columns by name -> an array, or arrays by name

``path`` is the folder of the files that came with it. ``rows`` maps each column to an array.
"""

from __future__ import annotations

import importlib
import inspect
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from seatrial.adapters.native.answers import column, shown_by, wanted_of
from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.model_facts import ModelFacts
from seatrial.registry.class_file import NoSuchClass, Packed, UnreadableClass, unpack_class
from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel
from seatrial.registry.scan import MAX_MODEL_BYTES
from seatrial.registry.signature import Batch, Prediction, Signature, Task, n_rows
from seatrial.serving.failures import CodeFailed, WrongClass


def load_class(path: Path) -> ClassModel:
    """The model in an archive of `registry.class_file`, which runs its code.

    Raises: CorruptModel, NoSuchClass, WrongClass, CodeFailed, MissingLibrary.
    """
    folder = Path(mkdtemp(prefix="code-"))
    try:
        packed = unpack_class(path, folder, limit=MAX_MODEL_BYTES)
    except UnreadableClass as problem:
        raise CorruptModel(
            f"{path.name} is a damaged archive of a Python class: {problem}.",
            remedy="Deploy the class again, as module.py:Class.",
        ) from problem
    kind = _class(path, packed, folder)
    return ClassModel(_made(kind, folder), f"{packed.module}.{packed.name}")


class ClassModel:
    """An object of a class of somebody's own.

    Args:
        model: as loaded.
        title: module and class.
    """

    def __init__(self, model: Any, title: str) -> None:
        self._model = model
        self._title = title
        self._task = Task.OTHER
        self._classes: tuple[str, ...] | tuple[int, ...] | None = None

    @property
    def raw(self) -> object:
        """The object."""
        return self._model

    def classes(self) -> tuple[str, ...] | tuple[int, ...] | None:
        """See LoadedModel; known after a first prediction."""
        return self._classes

    def facts(self) -> ModelFacts:
        """See LoadedModel: what a class takes only rows can show."""
        return ModelFacts(
            framework="python",
            version=platform.python_version(),
            estimator=self._title,
            task=self._task,
            inputs=None,
            named=True,
        )

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel.   Raises: UnsupportedModel, and whatever the class raises."""
        names = signature.names
        rows = batch if isinstance(batch, dict) else {n: batch[:, k] for k, n in enumerate(names)}
        found = self._model.predict(rows)
        named = found if isinstance(found, Mapping) else {"prediction": found}
        n = n_rows(batch)
        answers = {str(name): column(str(name), values, n) for name, values in named.items()}
        if wanted_of(answers, signature, self._title):
            stated = getattr(self._model, "classes", None)
            self._task, self._classes = shown_by(answers, stated=stated, title=self._title)
        return answers


def _class(path: Path, packed: Packed, folder: Path) -> Any:
    """The class, its module imported from the unpacked folder."""
    sys.path.insert(0, str(folder))
    if packed.module in sys.modules:
        raise WrongClass(
            f"The module {packed.module}.py has the name of one that seatrial uses itself.",
            remedy="Rename the file.",
        )
    try:
        module = importlib.import_module(packed.module)
    except ModuleNotFoundError as error:
        top = (error.name or "").partition(".")[0]
        raise missing_library(top, path=path) from error
    except (MemoryError, SeatrialError):
        raise
    except BaseException as error:  # also SystemExit, of a script that was meant to be run
        raise CodeFailed(
            f"{packed.module}.py cannot be imported: {_said(error)}",
            remedy="Import it in a fresh Python from another folder, and mend what that says; "
            "import modules beside it by their plain names.",
        ) from error
    kind = getattr(module, packed.name, None)
    if not isinstance(kind, type):
        raise NoSuchClass(
            f"{packed.module}.py has no class {packed.name!r} once it is imported.",
            remedy="Name a class that stands at the top of the module.",
        )
    for method in ("load", "predict"):
        _check_method(kind, method)
    return kind


def _check_method(kind: type, name: str) -> None:
    """Refuse a class whose method is absent or takes other arguments.   Raises: WrongClass."""
    argument = "path" if name == "load" else "rows"
    found = getattr(kind, name, None)
    static = isinstance(inspect.getattr_static(kind, name, None), classmethod | staticmethod)
    given = (argument,) if static else (kind, argument)
    try:
        if not callable(found):
            raise TypeError("it has none")
        inspect.signature(found).bind(*given)
    except (TypeError, ValueError) as error:
        raise WrongClass(
            f"{kind.__name__} has no method {name}({argument}) that can be called so: {error}.",
            remedy="Give the class load(self, path), or a classmethod load(path) that returns the "
            "model, and predict(self, rows).",
        ) from error


def _made(kind: Any, folder: Path) -> Any:
    """The loaded model.   Raises: CodeFailed."""
    static = isinstance(inspect.getattr_static(kind, "load"), classmethod | staticmethod)
    try:
        if static:
            model = kind.load(folder)
        else:
            model = kind()
            model.load(folder)
    except (MemoryError, SeatrialError):
        raise
    except BaseException as error:
        raise CodeFailed(
            f"{kind.__name__}.load cannot read its folder: {_said(error)}",
            remedy="Read only files that lie beside the module, by the path that load is given.",
        ) from error
    if not callable(getattr(model, "predict", None)):
        raise WrongClass(
            f"{kind.__name__}.load gives a {type(model).__name__} that cannot predict.",
            remedy="Return the loaded model from a load that is a classmethod.",
        )
    return model


def _said(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or ["it says nothing"]
    return f"{type(error).__name__}: {lines[0][:300].rstrip(' .')}."
