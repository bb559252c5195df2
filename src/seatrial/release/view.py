"""What a person or a program is shown of an endpoint: one record for command, API and console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.kernel.events import Fact
from seatrial.kernel.store import Beat, Store
from seatrial.release.controller import BEAT, WORKERS, applied_by
from seatrial.release.endpoint import EndpointState, stream_of
from seatrial.release.passage import way
from seatrial.release.rollout import Phase, Rollout


def view(state: EndpointState, store: Store) -> dict[str, object]:
    """An endpoint with its release, newest evidence and workers, as a JSON-able record."""
    workers = store.present(WORKERS)
    controller = store.present(BEAT)
    split = state.split
    blocked = _blocked(state, controller)
    return {
        "name": state.name,
        "kind": state.kind,
        "revision": state.revision,
        "stable": state.stable,
        "former": list(state.former),
        "withdrawn": list(state.withdrawn),
        "split": {
            "stable": split.stable,
            "canary": split.canary,
            "canary_share": split.canary_share,
            "shadow": split.shadow,
            "shadow_share": split.shadow_share,
        },
        "experiments": [
            {
                "experiment": trial.experiment,
                "traffic": trial.traffic,
                "arms": [
                    {"name": arm.name, "version": arm.version, "share": share}
                    for arm, share in zip(trial.arms, trial.shares, strict=True)
                ],
            }
            for trial in split.trials
        ],
        "blocked": blocked,
        "release": _release(
            state,
            live=_live(controller, state.name),
            workers=workers,
            waits=blocked is None,
            controlled=bool(controller),
        ),
        "n_workers": len(workers),
        "n_workers_up_to_date": sum(
            applied_by(worker, state.name) == state.target_revision for worker in workers
        ),
        "engines": _engines(workers, state.name),
        "failed": _failed(workers, state.name),
        "addresses": sorted({str(w.data["address"]) for w in workers if "address" in w.data}),
    }


def history(store: Store, state: EndpointState, *, after: int = 0) -> list[dict[str, object]]:
    """The facts of an endpoint that went into its state, oldest first, as JSON-able records.

    Those that could not be read, and what follows them, are there too and say so.
    """
    records: list[dict[str, object]] = []
    while facts := store.read(stream=stream_of(state.name), after=after):
        known = [f for f in facts if state.unreadable or f.revision <= state.revision]
        records += [fact_record(f, readable=f.revision <= state.revision) for f in known]
        after = facts[-1].seq
    return records


def fact_record(fact: Fact, *, readable: bool = True) -> dict[str, object]:
    """A fact as a JSON-able record.

    Args:
        readable: whether its data is known to be what facts of its kind hold.
    """
    return {
        "seq": fact.seq,
        "revision": fact.revision,
        "at": fact.at.isoformat(),
        "kind": fact.kind,
        "by": fact.by,
        "data": dict(fact.data),
        "readable": readable,
    }


def _blocked(state: EndpointState, controller: Sequence[Beat]) -> dict[str, object] | None:
    """Why nothing is decided about an endpoint, and what to do; None when all is well.

    ``lasts`` says whether it stays so until seatrial is started again.
    """
    if state.unreadable is not None:
        said = state.unreadable
        return {"problem": said.problem, "remedy": said.remedy, "lasts": True}
    for beat in controller:
        stuck = beat.data.get("stuck")
        if isinstance(stuck, Mapping) and state.name in stuck:
            return {
                "problem": f"The controller cannot bring it forward: {stuck[state.name]}",
                "remedy": "Look at the log of `seatrial up`; the split stays as it is meanwhile.",
                "lasts": False,
            }
    return None


def _live(controller: Sequence[Beat], name: str) -> Mapping[str, object]:
    for beat in controller:
        judgements = beat.data.get("judgements")
        if isinstance(judgements, Mapping) and isinstance(judgements.get(name), Mapping):
            live: Mapping[str, object] = judgements[name]
            return live
    return {}


_WORST_FIRST = ("silent", "absent", "ready")
"""What an engine elsewhere says to a worker; see `serving.engine.Says`."""


def _engines(workers: Sequence[Beat], name: str) -> dict[str, dict[str, str]]:
    """How the engines elsewhere stand, by version: as the worker that sees the worst says."""
    worst: dict[str, dict[str, str]] = {}
    for worker in workers:
        for version, record in _of(worker, "engines", name).items():
            if record.get("says") not in _WORST_FIRST:
                continue  # a word of a later version of seatrial
            if version not in worst or _rank(record) < _rank(worst[version]):
                worst[version] = dict(record)
    return dict(sorted(worst.items()))


def _failed(workers: Sequence[Beat], name: str) -> dict[str, str]:
    """Why versions could not be loaded, by version: as the first worker says that could not."""
    found: dict[str, str] = {}
    for worker in workers:
        found = {**{str(v): str(why) for v, why in _of(worker, "failed", name).items()}, **found}
    return dict(sorted(found.items()))


def _of(worker: Beat, key: str, name: str) -> Mapping[str, Any]:
    """What a worker says of an endpoint; nothing where it says nothing that can be read."""
    said = worker.data.get(key)
    found = said.get(name) if isinstance(said, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _rank(record: Mapping[str, str]) -> tuple[int, str]:
    """Worst first, then for how long."""
    return _WORST_FIRST.index(record["says"]), record["since"]


def _release(
    state: EndpointState,
    *,
    live: Mapping[str, object],
    workers: Sequence[Beat],
    waits: bool,
    controlled: bool,
) -> dict[str, object] | None:
    rollout = state.rollout
    if rollout is None:
        return None
    step = rollout.current
    if rollout.phase.over:
        live = {}  # what was recorded stays; the controller's last look may be gone tomorrow
    return {
        "release": rollout.release,
        "version": rollout.version,
        "target": rollout.target,
        "phase": rollout.phase.value,
        "way": [{"phase": p.phase.value, "left": p.left.value} for p in way(rollout)],
        "over": rollout.phase.over,
        "step": rollout.step,
        "n_steps": len(rollout.plan.steps),
        "share": step.share if step else None,
        "watch_s": step.watch_s if step else None,
        "watched_s": live.get("watched_s", rollout.watched_s),
        "extended": rollout.extended,
        "reason": rollout.reason,
        "waiting_for": _waiting_for(rollout, workers, controlled=controlled) if waits else "",
        "evidence": live.get("judgement") or dict(rollout.evidence) or None,
        "rolled_back": rollout.phase is Phase.PROMOTED and rollout.version in state.withdrawn,
        "staging": dict(rollout.staging) or None,
        "evaluation": dict(rollout.evaluation) or None,
        "plan": rollout.plan.as_dict(),
    }


def _waiting_for(rollout: Rollout, workers: Sequence[Beat], *, controlled: bool) -> str:
    """What must happen next, for a person; empty when nothing is waited for."""
    staged_by_nobody = rollout.phase is Phase.STAGING and not controlled
    if not workers and (rollout.phase.on_trial or staged_by_nobody):
        return "a server: none is running on this store, start one with `seatrial up`"
    return WAITS_FOR.get(rollout.phase, "")


WAITS_FOR: Mapping[Phase, str] = {
    Phase.STAGING: "the staging tests",
    Phase.EVALUATING: "its evaluation against the version in production",
    Phase.WARMING: "every worker to load the version",
    Phase.CANARY: "evidence and the end of the watch",
    Phase.HELD: "a person: `seatrial promote` or `seatrial rollback`",
}
"""What each phase waits for, for a person."""
