"""What a person names as a model, as the one file that is packaged.

Mostly it is that file. A class in Python is packed with the files beside it; of what MLflow keeps,
in a folder or behind an address of its own, the model's file is taken.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.kernel.size import show_size
from seatrial.packaging.examine import Say
from seatrial.registry.class_folder import Named, named_class, pack_class
from seatrial.registry.huggingface_file import is_model_folder, packed_folder
from seatrial.registry.model_file import UnknownFormat
from seatrial.registry.naming import suggest_name
from seatrial.registry.pyfunc_file import DESCRIPTION
from seatrial.registry.saved_model_file import is_folder, one_file
from seatrial.wiring.registry.registries import open_mlflow

if TYPE_CHECKING:
    from seatrial.adapters.tracking.registry_mlflow import MlflowRegistry

_VERSION: Final = re.compile(r"models:/([^/@]+)(?:/([1-9][0-9]{0,8})|@([^/@]+))")
_RUN: Final = re.compile(r"runs:/([A-Za-z0-9_-]{1,64})((?:/(?!\.\.?(?:/|$))[^/]+)+)")
_SCHEMES: Final = ("models:/", "runs:/")
_TRACKING: Final = "MLFLOW_TRACKING_URI"


class MlflowUriInvalid(Invalid):
    """An address of MLflow names no version of a model, and no folder of a run."""

    code = "deploy.mlflow_uri_invalid"


class MlflowUnset(Invalid):
    """A model is in MLflow, and nothing says where MLflow is."""

    code = "deploy.mlflow_unset"


class AliasUnknown(NotFound):
    """The registered model has no such alias."""

    code = "deploy.alias_unknown"


def endpoint_of(given: Path) -> str:
    """The name of an endpoint for what a person gave, which need not be there."""
    text = str(given)
    version = _VERSION.fullmatch(text)
    if version is not None:
        return suggest_name(version[1])
    return suggest_name(given.stem.removesuffix(".prompt"))


@contextmanager
def model_file(
    given: Path, *, say: Say, mlflow: str | None, signature: str | None = None
) -> Iterator[Path]:
    """The file of a model, for as long as the block runs.

    Args:
        given: a model file, the folder of a SavedModel or of Hugging Face,
            ``folder/module.py:Class``, a folder that MLflow wrote, ``models:/NAME/NUMBER``,
            ``models:/NAME@ALIAS`` or ``runs:/RUN/PATH``.
        say: told what was packed or fetched.
        mlflow: address of MLflow as configured; ``MLFLOW_TRACKING_URI`` says it where this is None.
        signature: of a SavedModel, which one; None for the usual one.
    Raises: NoSuchClass, ClassUnusable, FolderTooLarge; NoSignature; UnknownFormat for another
        folder; MlflowUriInvalid, MlflowUnset, AliasUnknown, and what `MlflowRegistry` raises.
    """
    with (
        _found(given, say, mlflow) as found,
        packed_folder(found) as model,
        one_file(model, signature) as file,
    ):
        yield file


def holds_model(folder: Path) -> bool:
    """Whether a folder holds a model as its library wrote it, and no bundle."""
    return is_folder(folder) or is_model_folder(folder) or (folder / DESCRIPTION).exists()


@contextmanager
def _found(given: Path, say: Say, mlflow: str | None) -> Iterator[Path]:
    # A packed class is a file of that name, in our own registry for example.
    named = None if given.is_file() else named_class(given)
    is_address = str(given).startswith(_SCHEMES)
    of_mlflow = given.is_dir() and not (is_folder(given) or is_model_folder(given))
    if named is None and not is_address and not of_mlflow:
        yield given
        return
    with TemporaryDirectory(prefix="seatrial-") as folder:
        if named is not None:
            yield _packed(named, Path(folder) / given.name, say)
        elif is_address:
            file = _fetched(str(given), Path(folder), mlflow)
            say("ok", "fetch", f"{file.name} of {given}")
            yield file
        else:
            yield _in_folder(given, Path(folder))


def _packed(named: Named, file: Path, say: Say) -> Path:
    packed = pack_class(named, file)
    files = "1 file" if packed.n_files == 1 else f"{packed.n_files} files"
    where = named.file.parent.resolve()
    say("ok", "folder", f"{files} of {where}, {show_size(packed.n_bytes)}")
    return file


def _in_folder(folder: Path, scratch: Path) -> Path:
    from seatrial.adapters.tracking.registry_mlflow import model_file as file_of

    if not (folder / DESCRIPTION).exists():
        raise UnknownFormat(
            f"{str(folder)!r} is a folder without a file {DESCRIPTION}, as MLflow writes it, "
            "saved_model.pb, as TensorFlow does, or config.json, as Hugging Face does.",
            remedy="Give a model file, a folder that one of them wrote, or module.py:Class.",
        )
    name = folder.resolve().name
    return file_of(folder, f"The folder {str(folder)!r}", into=scratch, name=name)


def _fetched(uri: str, folder: Path, mlflow: str | None) -> Path:
    version, run = _VERSION.fullmatch(uri), _RUN.fullmatch(uri)
    if version is None and run is None:
        raise MlflowUriInvalid(
            f"{uri[:200]!r} names no model of MLflow.",
            remedy="Write models:/NAME/NUMBER, models:/NAME@ALIAS or runs:/RUN_ID/PATH.",
        )
    registry = _registry(mlflow)
    if version is None:
        return registry.fetch_logged(uri, folder).file
    name, number, alias = version[1], version[2], version[3]
    if number is not None:
        return registry.fetch(name, int(number), folder).file
    known = registry.aliases(name)
    if alias not in known:
        raise AliasUnknown(
            f"MLflow's model {name!r} has no alias {alias!r}.",
            remedy=f"It has: {', '.join(sorted(known)) or 'none'}. Or give its number, as "
            f"models:/{name}/1.",
        )
    return registry.fetch(name, known[alias], folder).file


def _registry(configured: str | None) -> MlflowRegistry:
    url = configured or os.environ.get(_TRACKING)
    if not url:
        raise MlflowUnset(
            "Nothing says where MLflow is.",
            remedy=f"Set registry.url in seatrial.yaml, or {_TRACKING}: http://HOST:PORT of its "
            "server, sqlite:///FILE, or a folder.",
        )
    return open_mlflow(url)
