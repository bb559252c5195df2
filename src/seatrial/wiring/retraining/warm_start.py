"""The model that an incremental retraining goes on from."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from seatrial.kernel.store import Store
from seatrial.registry.bundle import Bundle
from seatrial.registry.bundle_files import BundleNotFound
from seatrial.registry.manifest import Role
from seatrial.steps.run import Run
from seatrial.steps.runs import Runs
from seatrial.training.retraining.agenda import KIND
from seatrial.training.retraining.config import RetrainedConfig
from seatrial.training.retraining.outline import PROMOTED

_US = timedelta(microseconds=1)


def warm_start(
    store: Store, name: str, config: RetrainedConfig, bundle: Bundle | None
) -> tuple[str, datetime | None]:
    """The model to go on from, and after when the rows begin that it was not trained on.

    Args: the retraining's name; the bundle in production, where there is one.
    Returns: an empty path where training begins anew; None where all rows are new to the model.
    """
    if not config.incremental or bundle is None:
        return "", None
    runs = Runs(store)
    runs.refresh()
    before = next((r for r in reversed(runs.all(kind=KIND)) if _promoted(r, name)), None)
    if before is not None:
        output, rows = before.step("train").output or {}, before.step("rows").output or {}
        model, cut = Path(str(output.get("model", ""))), rows.get("cut")
        if model.is_file():
            return str(model), datetime.fromisoformat(str(cut)) - _US if cut else None
    with suppress(BundleNotFound):
        return str(bundle.locate(Role.NATIVE)), None
    return "", None


def _promoted(run: Run, name: str) -> bool:
    return run.outcome == PROMOTED and run.input.get("name") == name
