"""A server that is given models and starts them: the port behind the model repository extension.

Source: https://github.com/kserve/open-inference-protocol; Triton's model repository extension.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from seatrial.kernel.errors import NotFound, SeatrialError

READY: Final = "READY"
"""The state of a model that answers."""


class ModelAbsent(NotFound):
    """The repository holds no model of the name."""

    code = "hosting.model_absent"


class ModelNotStarted(SeatrialError):
    """A model of the repository did not start."""

    code = "hosting.not_started"


class Hosting(Protocol):
    """What runs the models of a repository."""

    async def load(self, model: str) -> None:
        """Have a model answer; at once where it does already.

        Raises: ModelAbsent, ModelNotStarted; what opening its bundle raises.
        """
        ...

    async def unload(self, model: str) -> None:
        """End a model; one that does not run is no error."""
        ...

    async def states(self) -> Mapping[str, str]:
        """The models that were loaded, and the state of each: `READY`, or why not."""
        ...
