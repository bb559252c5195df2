"""Shipping a version to a cluster: apply, watch, promote, roll back.

A version's folder says what is there while it is on trial and, where that differs, what is there
once it is promoted. What was there before is noted on the object that matters most, so that one
command returns to it from any machine.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seatrial.kernel.errors import Conflict, DeadlineExceeded, Invalid, NotFound
from seatrial.packaging.kubernetes.cluster import (
    Cluster,
    ObjectChanged,
    Standing,
    State,
    Which,
    standing,
    which,
)
from seatrial.packaging.kubernetes.gateway import PROMOTED
from seatrial.packaging.kubernetes.objects import CANARY, Object

FORMER = "seatrial/former"
"""Annotation: the version that was there before."""

_VERSION = "app.kubernetes.io/version"
_MAIN = ("Rollout", "InferenceService", "Deployment")
"""Kinds that carry a version; the first of them that is there matters most."""
_TRIES = 5

Say = Callable[[str, str, str], None]
"""Told of a step: mark, name, text."""


class NotApplicable(Invalid):
    """The files of this form are somebody else's to apply."""

    code = "cluster.not_applicable"


class NothingOnTrial(Conflict):
    """There is no version on trial that could be promoted."""

    code = "cluster.nothing_on_trial"


class NoWayBack(NotFound):
    """Nobody knows which version was there before."""

    code = "cluster.no_way_back"


class ShippedMeanwhile(Conflict):
    """Somebody else shipped another version at the same moment."""

    code = "cluster.shipped_meanwhile"


class StillGoing(DeadlineExceeded):
    """The cluster took longer than it was waited for; it goes on."""

    code = "cluster.still_going"


@dataclass(frozen=True, slots=True)
class Manifests:
    """What a version's folder says.

    Args:
        trial: what is there while it is on trial, or at once.
        promoted: what is there once it has been promoted; empty where that is the same.
    """

    trial: tuple[Object, ...]
    promoted: tuple[Object, ...]

    @classmethod
    def read(cls, folder: Path) -> Manifests:
        """The manifests below a version's ``kubernetes/``.   Raises: NotApplicable."""
        if (folder / "Chart.yaml").exists() or (folder / "base").exists():
            raise NotApplicable(
                f"{folder} is a chart or an overlay.",
                remedy="Apply it with `helm upgrade --install` or `kubectl apply -k`.",
            )
        trial = _documents(folder)
        if not any(document.get("kind") in _MAIN for document in trial):
            raise NotApplicable(
                f"{folder} holds no {', '.join(_MAIN)}.",
                remedy="Deploy the version again, which writes its files anew.",
            )
        return cls(trial, _documents(folder / PROMOTED))

    @property
    def final(self) -> tuple[Object, ...]:
        """What is there in the end."""
        return self.promoted or self.trial

    @property
    def beside(self) -> tuple[Which, ...]:
        """Objects of the trial that are taken away once it has ended."""
        kept = {which(document) for document in self.final}
        names = (which(document) for document in self.trial) if self.promoted else ()
        return tuple(name for name in names if name not in kept and name.name.endswith(CANARY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipping:
    """Ships versions.

    Args:
        cluster: where to.
        say: told of each step.
        timeout_s: how long is waited for what a step needs.
        force: take over fields that somebody else has set.
    """

    cluster: Cluster
    say: Say
    timeout_s: float
    force: bool = False

    def apply(self, made: Manifests, *, wait: bool = True) -> Standing:
        """Bring a version to the cluster: on trial where it can be, and where one is there already.

        Args: wait: until it is ready, failed, or held; what routes traffic to it waits always.
        Raises: as `Cluster.apply`; StillGoing, ShippedMeanwhile.
        """
        first = made.promoted and self.cluster.read(_main(made.final)) is None
        if first:
            self.say("note", "apply", "nothing is there yet, so the version gets all traffic")
        return self._bring(made.final if first else made.trial, wait=wait, note=True)

    def watch(self, made: Manifests) -> Standing:
        """Wait until the version is ready, failed, or held.   Raises: StillGoing."""
        trial, final = _main(made.trial), _main(made.final)
        return self._wait(trial if self.cluster.read(trial) is not None else final)

    def promote(self, made: Manifests) -> Standing:
        """Give the version on trial all traffic.

        Raises: NothingOnTrial; as `apply`.
        """
        main = _main(made.trial)
        there = self.cluster.read(main)
        version = _version(made.trial)
        if _version_of(there) != version:
            raise NothingOnTrial(
                f"Version {version} of {main.name!r} is not on trial: {_said(there, main)}.",
                remedy="Apply it first.",
            )
        if main.kind != "Rollout" and not made.promoted:
            raise NothingOnTrial(
                f"Version {version} of {main.name!r} has no trial: it is of the form plain.",
                remedy="It has all traffic already; choose another kubernetes.form for a trial.",
            )
        if main.kind == "Rollout":
            self.cluster.set_status(main, {"promoteFull": True})
            self.say("ok", "promote", f"{main}: told to go to the end")
            return self._wait(main)
        found = self._bring(made.promoted, wait=True, note=True)
        if found.state is State.READY:
            self._clear(made.beside)
        return found

    def former(self, made: Manifests) -> int:
        """The version that a rollback returns to.   Raises: NoWayBack."""
        main = _main(made.final)
        there = self.cluster.read(main)
        on_trial = bool(made.beside) and self.cluster.read(_main(made.trial)) is not None
        meta: Any = {} if there is None else there["metadata"]
        former = (meta.get("annotations") or {}).get(FORMER)
        found = _version_of(there) if on_trial else former
        if found is None or not str(found).isdecimal():
            raise NoWayBack(
                f"{_said(there, main)}, and nobody noted what was there before.",
                remedy="Say which version to return to with --to.",
            )
        return int(found)

    def roll_back(self, made: Manifests) -> Standing:
        """Make a version, the manifests of which these are, the only one.   Raises: as `apply`."""
        found = self._bring(made.final, wait=True, note=False)
        if found.state is not State.FAILED:
            self._clear(made.beside)
        return found

    def _bring(self, documents: Sequence[Object], *, wait: bool, note: bool) -> Standing:
        """Apply objects; those that lead traffic to a workload only once it is ready."""
        main = _main(documents)
        carries = next(d for d in documents if which(d) == main)
        routes = [d for d in documents if d["kind"] == "HTTPRoute" and main.kind == "Deployment"]
        scaling = [d for d in documents if d["kind"] == "HorizontalPodAutoscaler"]
        for document in documents:
            if document is not carries and document not in routes and document not in scaling:
                self._applied(document)
        self._apply_main(carries, note=note)
        for document in scaling:
            self._applied(document)
        if not routes and not wait:
            return Standing(state=State.GOING, why="applied")
        found = self._wait(main)
        if found.state is not State.FAILED:
            for document in routes:
                self._applied(document)
        return found

    def _applied(self, document: Object) -> None:
        self.cluster.apply(document, force=self.force)
        self.say("ok", "apply", str(which(document)))

    def _apply_main(self, document: Object, *, note: bool) -> None:
        """Apply the object that carries the version, unless another was shipped meanwhile."""
        main = which(document)
        before = self.cluster.read(main)
        for _ in range(_TRIES):
            try:
                self.cluster.apply(_noted(document, before, note=note), force=self.force)
            except ObjectChanged:
                # Controllers write its status all the time; another version is another matter.
                now = self.cluster.read(main)
                if _version_of(now) != _version_of(before):
                    raise ShippedMeanwhile(
                        f"{_said(now, main)}, shipped by somebody else a moment ago.",
                        remedy="Look at `seatrial cluster watch`, and decide again.",
                    ) from None
                before = now
            else:
                self.say("ok", "apply", f"{main}, version {_version([document])}")
                return
        raise ShippedMeanwhile(
            f"{main} changes faster than it can be applied.",
            remedy="See what else writes to it, then try again.",
        )

    def _wait(self, main: Which) -> Standing:
        found = Standing(state=State.GOING, why="not seen yet")
        for document in self.cluster.watch(main, timeout_s=self.timeout_s):
            found = standing(document)
            if found.state is not State.GOING:
                mark = {State.READY: "ok", State.HELD: "wait"}.get(found.state, "bad")
                self.say(mark, "watch", f"{main}: {found.why}")
                return found
            self.say("note", "watch", f"{main}: {found.why}")
        raise StillGoing(
            f"{main} is not ready after {self.timeout_s:g} s: {found.why}.",
            remedy="It goes on in the cluster; see `seatrial cluster watch`, or roll back.",
        )

    def _clear(self, names: Sequence[Which]) -> None:
        for name in names:
            self.cluster.delete(name)
            self.say("ok", "delete", str(name))


def _documents(folder: Path) -> tuple[Object, ...]:
    if not folder.is_dir():
        return ()
    found: list[Object] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            loaded = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as problem:
            raise _unreadable(path, str(problem)) from problem
        for document in loaded:
            if document is None:
                continue
            meta = document.get("metadata") if isinstance(document, dict) else None
            named = isinstance(meta, dict) and isinstance(meta.get("name"), str)
            if not named or not {"apiVersion", "kind"} <= document.keys():
                raise _unreadable(path, "it is no object with apiVersion, kind and a name")
            found.append(document)
    return tuple(found)


def _unreadable(path: Path, why: str) -> NotApplicable:
    return NotApplicable(
        f"{path} cannot be applied: {why}.",
        remedy="Correct it, or deploy the version again, which writes its files anew.",
    )


def _main(documents: Sequence[Object]) -> Which:
    for kind in _MAIN:
        for document in documents:
            if document["kind"] == kind:
                return which(document)
    raise AssertionError("Manifests.read looked")


def _noted(document: Object, before: Object | None, *, note: bool) -> Object:
    """A document that applies only to what was read, and says which version that was."""
    noted: Any = copy.deepcopy(document)
    if before is None:
        return dict(noted)
    meta: Any = before["metadata"]
    noted["metadata"]["resourceVersion"] = meta["resourceVersion"]
    former = (meta.get("annotations") or {}).get(FORMER)
    if _version_of(before) != _version_of(document):
        former = _version_of(before)
    if note and former is not None:
        noted["metadata"].setdefault("annotations", {})[FORMER] = former
    return dict(noted)


def _version(documents: Sequence[Object]) -> str | None:
    main = _main(documents)
    return _version_of(next(d for d in documents if which(d) == main))


def _version_of(document: Object | None) -> str | None:
    meta: Any = {} if document is None else document["metadata"]
    version = (meta.get("labels") or {}).get(_VERSION)
    return None if version is None else str(version)


def _said(there: Object | None, main: Which) -> str:
    if there is None:
        return f"the cluster has no {main}"
    return f"{main} has version {_version_of(there) or 'none of ours'}"
