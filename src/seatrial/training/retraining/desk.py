"""What people see of retrainings and may ask for, as a port: pages and routes know nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Retrainings(Protocol):
    """All retrainings of a workspace; records are JSON-able.

    Everything that names one raises RetrainingUnknown; whatever reads raises StoreUnavailable.
    """

    def views(self) -> list[dict[str, Any]]:
        """All of them, in brief."""
        ...

    def view(self, name: str) -> dict[str, Any]:
        """One, with its newest run."""
        ...

    def history(self, name: str) -> list[dict[str, Any]]:
        """Its runs, the newest first."""
        ...

    def now(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Begin a run, whatever triggers say.   Raises: RetrainingUnderWay."""
        ...

    def retry(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Begin the failed step again.   Raises: NothingToDecide."""
        ...

    def take_over(
        self, name: str, step: str, output: Mapping[str, Any] | str, *, by: str, reason: str = ""
    ) -> dict[str, Any]:
        """Give the output of the step the newest run stands at, as a record or as JSON.

        Raises: NothingToDecide, OutputInvalid, BadRecord.
        """
        ...

    def approve(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Let the newest run be released.   Raises: NothingToDecide."""
        ...

    def cancel(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """End the newest run, and the release it began.   Raises: NothingToDecide."""
        ...
