"""MLflow's model registry, by MLflow's own client: a server's, a SQLite file's or a folder's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from seatrial.adapters.tracking.mlflow_folder import opened_as
from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.registry.models import (
    ArtefactUnusable,
    Fetched,
    RegisteredVersion,
    RegistryRefused,
    RegistryUnavailable,
    cut_tag,
    version_unknown,
)
from seatrial.registry.pyfunc_file import DESCRIPTION, pack_pyfunc

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_PAGE = 100
_GLANCE = 3
"""Versions that a look asks for where some are known: mostly there is none that is new."""

_READY = "READY"
_ABSENT = "RESOURCE_DOES_NOT_EXIST"
_REFUSALS = frozenset({"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "PERMISSION_DENIED"})
_LOGGED = "models:/"
_MAX_DESCRIPTION = 1 << 20

_FLAVORS: Mapping[str, str] = {
    "sklearn": "pickled_model",
    "xgboost": "data",
    "lightgbm": "data",
    "catboost": "data",
    "onnx": "data",
    "pytorch": "model_data",
}
"""The flavors that are packaged, the most telling first, and where each names its file."""

_ANYTHING = "python_function"
"""The flavor of what MLflow itself loads and asks, whatever it is."""

_IN_FOLDER = ("model.pth", "model.pt2")
"""What MLflow calls the model of a flavor that names a folder."""

T = TypeVar("T")


class MlflowRegistry:
    """`registry.models.ModelRegistry` over MLflow.

    Args:
        uri: of the registry: ``http://HOST:PORT``, ``sqlite:///FILE``, or a folder.
    Raises: MissingExtra.
    """

    def __init__(self, uri: str) -> None:
        self._uri = opened_as(uri)
        self._type = _client_type()

    @cached_property
    def _client(self) -> MlflowClient:
        """Opened when it is asked: a database that cannot be opened is one that does not answer."""
        return self._type(tracking_uri=self._uri, registry_uri=self._uri)

    def versions(self, model: str, *, after: int = 0) -> list[RegisteredVersion]:
        """See ModelRegistry; the newest are asked for first, so that few pages are read."""
        found: list[RegisteredVersion] = []
        token: str | None = None
        size = _GLANCE if after else _PAGE
        while True:
            page: Any = self._asked(partial(self._page, model, token, size))
            numbers = [int(each.version) for each in page]
            found += [_version(model, each) for each in page if _is_new(each, after)]
            token, size = page.token, _PAGE
            if not token or min(numbers, default=0) <= after:
                return sorted(found, key=lambda version: version.number)

    def _page(self, model: str, token: str | None, size: int) -> Any:
        return self._client.search_model_versions(
            f"name='{model}'",
            max_results=size,
            order_by=["version_number DESC"],
            page_token=token,
        )

    def aliases(self, model: str) -> Mapping[str, int]:
        """See ModelRegistry."""
        found: Any = self._asked(lambda: self._client.get_registered_model(model), absent=None)
        return {} if found is None else {a: int(n) for a, n in found.aliases.items()}

    def fetch(self, model: str, number: int, folder: Path) -> Fetched:
        """See ModelRegistry: the whole folder of the version is copied."""
        absent = version_unknown(model, number)
        location = self._asked(partial(self._location, model, number), absent=absent)
        there = self._downloaded(location, folder, absent)
        return Fetched(file=model_file(there, f"Version {number} of {model!r}", into=folder))

    def fetch_logged(self, uri: str, folder: Path) -> Fetched:
        """The model that a run logged, its whole folder copied.

        Args:
            uri: ``runs:/RUN/PATH``.
            folder: an empty one, to write into.
        Raises: ArtefactUnusable, RegistryRefused, RegistryUnavailable.
        """
        absent = ArtefactUnusable(
            f"MLflow has no {uri!r}.", remedy="Look at the run and at the path of its model."
        )
        there = self._downloaded(uri, folder, absent)
        return Fetched(file=model_file(there, repr(uri), into=folder))

    def _downloaded(self, uri: str, folder: Path, absent: Exception) -> Path:
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow.artifacts import download_artifacts

        there = self._asked(
            partial(
                download_artifacts,
                artifact_uri=uri,
                dst_path=str(folder),
                tracking_uri=self._uri,
                registry_uri=self._uri,
            ),
            absent=absent,
        )
        return Path(there)

    def _location(self, model: str, number: int) -> str:
        """Where the files of a version are.

        MLflow resolves ``models:/`` itself, but at the address that is set for the whole process.
        """
        found = str(self._client.get_model_version_download_uri(model, str(number)))
        if not found.startswith(_LOGGED):
            return found
        logged = self._client.get_logged_model(found.removeprefix(_LOGGED))
        return str(logged.artifact_location)

    def mark(self, model: str, number: int, tags: Mapping[str, str]) -> None:
        """See ModelRegistry."""
        for name, value in tags.items():
            self._asked(
                partial(self._set_tag, model, number, name, cut_tag(value)),
                absent=version_unknown(model, number),
            )

    def _set_tag(self, model: str, number: int, name: str, value: str) -> None:
        self._client.set_model_version_tag(model, str(number), name, value)

    def move_alias(self, model: str, alias: str, number: int) -> None:
        """See ModelRegistry."""
        self._asked(
            lambda: self._client.set_registered_model_alias(model, alias, str(number)),
            absent=version_unknown(model, number),
        )

    def _asked(self, ask: Callable[[], T], *, absent: Exception | None = None) -> T:
        """What MLflow answers.

        Args: absent: raised for what is not there; None answers with None.
        """
        from mlflow.exceptions import MlflowException

        try:
            return ask()
        except MlflowException as error:
            if error.error_code == _ABSENT:
                if absent is None:
                    return None  # type: ignore[return-value]  # of `aliases`, which looks
                raise absent from error
            if error.error_code in _REFUSALS:
                raise RegistryRefused(
                    f"MLflow refuses: {_said(error)}",
                    remedy="Look at the name, the alias or the rights of who asks.",
                ) from error
            raise self._unavailable(error) from error
        except Exception as error:  # the border to the client: sockets, databases, object stores
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> RegistryUnavailable:
        return RegistryUnavailable(
            f"MLflow's registry does not answer: {_said(error)}",
            remedy="See that it runs at registry.url; it is asked again by itself.",
        )


def model_file(folder: Path, what: str, *, into: Path, name: str = "") -> Path:
    """The model file of a folder that MLflow wrote.

    Args:
        what: whose folder it is, as the beginning of a sentence.
        into: where a folder is packed whose model MLflow alone can load.
        name: of the file that is packed.
    Raises: ArtefactUnusable, ClassUnusable, FolderTooLarge.
    """
    flavors = _flavors(folder, what)
    for flavor, key in _FLAVORS.items():
        named = flavors.get(flavor)
        if not isinstance(named, Mapping):
            continue
        path = _file_in((folder / str(named.get(key, ""))).resolve())
        if path.is_file() and path.is_relative_to(folder.resolve()):
            return path
        raise _unusable(what, f"names no file of its own as the model of {flavor}")
    if _ANYTHING in flavors:
        packed = Path(mkdtemp(dir=into)) / (name or "model")
        pack_pyfunc(folder.resolve(), packed)
        return packed
    known = ", ".join(sorted(flavors)) or "none"
    raise _unusable(what, f"was logged as: {known}")


def _file_in(path: Path) -> Path:
    """The model in a folder that a flavor names; another path as it is."""
    found = (path / name for name in _IN_FOLDER if (path / name).is_file())
    return next(found, path).resolve()


def _flavors(folder: Path, what: str) -> Mapping[str, Any]:
    try:
        with (folder / DESCRIPTION).open("rb") as file:
            found = yaml.safe_load(file.read(_MAX_DESCRIPTION))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(what, f"has no file {DESCRIPTION} that can be read") from error
    flavors = found.get("flavors") if isinstance(found, Mapping) else None
    if not isinstance(flavors, Mapping):
        raise _unusable(what, f"has a file {DESCRIPTION} without flavors")
    return flavors


def _unusable(what: str, why: str) -> ArtefactUnusable:
    return ArtefactUnusable(
        f"{what} {why}.",
        remedy="Log the model with a flavor that writes python_function too, as mlflow.sklearn and "
        "mlflow.pyfunc do, and register it again.",
    )


def _is_new(each: Any, after: int) -> bool:
    return int(each.version) > after and each.status == _READY


def _version(model: str, each: Any) -> RegisteredVersion:
    return RegisteredVersion(
        model=model,
        number=int(each.version),
        tags=dict(each.tags),
        description=each.description or "",
        run=each.run_id or "",
    )


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


def _client_type() -> type[MlflowClient]:
    try:
        with ONE_AT_A_TIME:
            from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise MissingExtra("mlflow", "mlflow") from error
    found: type[MlflowClient] = MlflowClient
    return found
