"""Where people and programs look at what arrived from registries, and offer versions themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from seatrial.kernel.errors import NotFound
from seatrial.kernel.store import Store
from seatrial.registry.catalog import numbered
from seatrial.registry.models import version_unknown
from seatrial.registry.offers import OfferedFacts, OfferedVersion, OwnRegistry
from seatrial.steps.run import Run, Status
from seatrial.steps.runs import Runs
from seatrial.training.following.config import RegistryConfig
from seatrial.training.following.seen import PREFIX, ask_again

KIND = "registry"
FOLLOWER = "registry/follower"
"""What the process that follows says of itself."""

OWN = "own"
_STEPS_BACK = ("tell", "canary", "evaluation", "staging", "bundle")


class ModelNotFollowed(NotFound):
    """The configuration does not name the model, so nothing would become of it."""

    code = "registry.model_not_followed"


class RegistryDesk:
    """Reads and decides over one store. All calls block; thread-safe.

    Args:
        store: stays the caller's to close.
        own: our own registry.
        config: what is followed.
    """

    def __init__(self, store: Store, own: OwnRegistry, config: RegistryConfig) -> None:
        self._store = store
        self._own = own
        self._config = config
        self._runs = Runs(store)
        self._lock = threading.Lock()

    def view(self) -> dict[str, Any]:
        """What is followed, how the registries do, and the newest arrivals, newest first."""
        beats = self._store.present(FOLLOWER)
        return {
            "url": self._config.url,
            "follows": bool(beats),
            "sources": {} if not beats else dict(beats[0].data).get("sources", {}),
            "models": {
                model: {
                    "endpoint": self._config.endpoint_of(model),
                    "event": followed.event,
                    "target": followed.target,
                    "evaluated": followed.holdout is not None,
                }
                for model, followed in self._config.models.items()
            },
            "arrivals": self.arrivals(),
        }

    def arrivals(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """What arrived, the newest first; for one endpoint or for all."""
        with self._lock:
            self._runs.refresh()
            found = self._runs.all(kind=KIND)
        records = (record_of(run) for run in reversed(found))
        return [one for one in records if endpoint in (None, one["endpoint"])]

    def versions(self, model: str) -> list[dict[str, Any]]:
        """The versions that were offered here, newest first, with their tags and aliases."""
        aliases = self._own.aliases(model)
        return [
            {
                "model": model,
                "number": version.number,
                "tags": dict(version.tags),
                "aliases": sorted(a for a, n in aliases.items() if n == version.number),
                "run": version.run,
            }
            for version in reversed(self._own.versions(model))
        ]

    def offer(
        self, model: str, name: str, chunks: Iterable[bytes], *, label: str | None, by: str
    ) -> OfferedVersion:
        """Take a version over HTTP.   Raises: ModelNotFollowed; as `OwnRegistry.offer_bytes`."""
        check_model(self._config, model)
        return self._own.offer_bytes(model, name, chunks, OfferedFacts(label=label), by=by)

    def move_alias(self, model: str, alias: str, number: int) -> None:
        """Let an alias point at a version that was offered here.

        Raises: RegisteredVersionUnknown, RegistryRefused.
        """
        self._own.move_alias(model, alias, number)

    def ask_again(self, source: str, model: str, number: int, *, by: str) -> None:
        """Let a version arrive once more.   Raises: RegisteredVersionUnknown: it never did."""
        came = {(one["source"], one["model"], one["number"]) for one in self.arrivals()}
        if (source, model, number) not in came:
            raise version_unknown(model, number)
        draft = ask_again(number, by=by)
        numbered(self._store, f"{PREFIX}{source}/{model}", lambda _: draft)


def check_model(config: RegistryConfig, model: str) -> None:
    """Raises: ModelNotFollowed."""
    if model not in config.models:
        known = ", ".join(sorted(config.models)) or "none"
        raise ModelNotFollowed(
            f"seatrial.yaml follows no model {model[:80]!r}.",
            remedy=f"Add it to registry.models, or name one of: {known}.",
            model=model[:80],
        )


def record_of(run: Run) -> dict[str, Any]:
    """An arrival as a JSON-able record."""
    given, standing = run.input, standing_of(run)
    current = run.current
    return {
        "run": run.id,
        "source": given.get("source"),
        "model": given.get("model"),
        "number": given.get("number"),
        "endpoint": given.get("endpoint"),
        "cause": run.cause,
        "status": run.status.value,
        "step": None if current is None else current.name,
        "waits_for": current.reason if current and current.status is Status.WAITING else "",
        "problem": _problem(run),
        "outcome": run.outcome or None,
        "reason": run.reason,
        "version": standing.get("version"),
        "release": standing.get("release") or None,
        "code": standing.get("code") or None,
        "evaluated": standing.get("evaluated") or None,
        "started_at": run.started_at.isoformat(),
        "ended_at": None if run.ended_at is None else run.ended_at.isoformat(),
    }


def standing_of(run: Run) -> Mapping[str, Any]:
    """The newest standing that a step of the run gave; empty before the first."""
    if run.data:
        return run.data
    outputs = {step.name: step.output for step in run.steps if step.output is not None}
    return next((outputs[name] for name in _STEPS_BACK if name in outputs), {})


def _problem(run: Run) -> str:
    current = run.current
    if current is None or current.status not in (Status.RETRYING, Status.FAILED):
        return ""
    return str(current.error.get("problem", ""))
