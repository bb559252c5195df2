"""A retraining as configured."""

from __future__ import annotations

from seatrial.kernel.errors import NotFound
from seatrial.training.retraining.config import RetrainedConfig
from seatrial.wiring.workspace import Workspace


class RetrainingUnknown(NotFound):
    """No retraining of that name is configured."""

    code = "retraining.unknown"


def config_of(workspace: Workspace, name: str) -> RetrainedConfig:
    """A retraining as configured, with its endpoint filled in.   Raises: RetrainingUnknown."""
    found = workspace.settings.retraining.get(name)
    if found is None:
        known = ", ".join(sorted(workspace.settings.retraining)) or "none yet"
        raise RetrainingUnknown(
            f"There is no retraining {name!r}.",
            remedy=f"Name one of the section retraining: {known}.",
            retraining=name,
        )
    return found.model_copy(update={"endpoint": found.endpoint or name})
