"""Opens the registries that a configuration follows."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from seatrial.kernel.errors import Invalid, MissingExtra
from seatrial.kernel.store import FactLog
from seatrial.registry.models import ModelRegistry
from seatrial.registry.offers import OwnRegistry
from seatrial.training.following.desk import OWN, check_model
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from seatrial.adapters.tracking.registry_mlflow import MlflowRegistry

MLFLOW = "mlflow"

_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""MLflow's client asks for minutes where nothing answers; here it is asked again anyway."""

_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true"}
"""Nothing is told to anybody who was not asked for."""


class RegistryUrlInvalid(Invalid):
    """The registry's address is none that is known."""

    code = "registry.url_invalid"


def own_registry(workspace: Workspace, log: FactLog) -> OwnRegistry:
    """Our own registry, in the store and the home folder."""
    return OwnRegistry(log, workspace.home / "offers")


def check_followed(workspace: Workspace, model: str) -> None:
    """Raises: ModelNotFollowed: nothing would become of what is registered."""
    check_model(workspace.settings.registry, model)


def open_registries(workspace: Workspace, log: FactLog) -> dict[str, ModelRegistry]:
    """Every registry that is followed, by its name.

    Raises: RegistryUrlInvalid, MissingExtra.
    """
    found: dict[str, ModelRegistry] = {OWN: own_registry(workspace, log)}
    url = workspace.settings.registry.url
    if url is not None:
        found[MLFLOW] = open_mlflow(url)
    return found


def check_url(url: str) -> None:
    """Whether what the address names could be asked; nothing is asked.

    Raises: RegistryUrlInvalid, MissingExtra.
    """
    scheme, separator, _ = url.partition("://")
    if separator and scheme not in ("http", "https", "sqlite", "postgresql", "mysql", "file"):
        raise RegistryUrlInvalid(
            f"registry.url begins with {scheme[:40]!r}, which is no registry that is known.",
            remedy="Give http://HOST:PORT of an MLflow server, sqlite:///FILE, or a folder.",
            field="registry.url",
        )
    if find_spec("mlflow") is None:
        raise MissingExtra("mlflow", "mlflow")


def open_mlflow(url: str) -> MlflowRegistry:
    """MLflow's registry at an address.   Raises: RegistryUrlInvalid, MissingExtra."""
    check_url(url)
    for name, value in {**_PATIENCE, **_QUIET}.items():
        os.environ.setdefault(name, value)
    from seatrial.adapters.tracking.registry_mlflow import MlflowRegistry

    return MlflowRegistry(url)
