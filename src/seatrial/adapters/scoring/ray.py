"""Scorers as actors of Ray: on this machine, or on the cluster that ``RAY_ADDRESS`` names.

Each actor is the program that a scoring process runs, so answers do not depend on who runs it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any

from seatrial.adapters.scoring.program import ScoringProgram, answer
from seatrial.kernel.errors import MissingExtra, Unavailable
from seatrial.serving.child import revive
from seatrial.serving.failures import EngineCrashed
from seatrial.serving.scoring import Piece, Scored, scored_from

_STORE_BYTES = 512 << 20
"""Ray's memory for objects on this machine; pieces on the way take a fraction of it."""


class RayUnavailable(Unavailable):
    """Ray did not start, or its cluster does not answer."""

    code = "scoring.ray_unavailable"


@contextmanager
def ray_session(n_cpus: int) -> Iterator[Any]:
    """Ray for as long as the block lasts; yields the module.

    Args: n_cpus: of a Ray started here.
    Raises: MissingExtra, RayUnavailable.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("ray", "ray") from error
    here: dict[str, object] = {}
    if not os.environ.get("RAY_ADDRESS"):
        here = {"num_cpus": n_cpus, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    with redirect_stdout(sys.stderr):  # Ray prints there of workers that die; stdout is for --json
        yield from _running(ray, here)


def _running(ray: Any, here: Mapping[str, object]) -> Iterator[Any]:
    try:
        ray.init(log_to_driver=False, logging_level="error", **here)
    except Exception as error:
        raise RayUnavailable(
            f"Ray did not start: {str(error)[:300] or type(error).__name__}.",
            remedy="Look at RAY_ADDRESS and at Ray's logs, or leave --engine out.",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


class Scoring(ScoringProgram):
    """The program as an actor."""

    def answered(self, message: Mapping[str, Any]) -> dict[str, object]:
        """The reply to one message."""
        return answer(self, message)


class RayScorer:
    """An actor that scores; `serving.scoring.Scorer`. Made by `start_actor`."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray = ray
        self._actor = actor

    async def call(self, op: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        """One operation of the program.   Raises: what it raises; EngineCrashed."""
        sent = self._actor.answered.remote({"op": op, "args": arguments})
        try:
            reply = await asyncio.wrap_future(sent.future())
        except self._ray.exceptions.RayError as error:
            raise EngineCrashed(
                f"An actor of Ray ended: {str(error).splitlines()[0][:300]}",
                remedy="Test the model with the same rows, give its node more memory, or use "
                "smaller --batch-rows.",
            ) from error
        if "error" in reply:
            raise revive(reply["error"])
        found: dict[str, Any] = reply["ok"]
        return found

    async def score(self, piece: Piece) -> Scored:
        """See Scorer."""
        return scored_from(await self.call("score", {"content": piece.content}), piece.position)

    async def close(self) -> None:
        """See Scorer."""
        self._ray.kill(self._actor)


async def start_actor(ray: Any, order: Mapping[str, object]) -> RayScorer:
    """Start an actor and have it load the model.

    Args: order: arguments of `ScoringProgram.open`.
    Raises: EngineCrashed, EngineFailed and their kin.
    """
    scorer = RayScorer(ray, ray.remote(num_cpus=1)(Scoring).remote())
    try:
        await scorer.call("open", order)
    except BaseException:
        await scorer.close()
        raise
    return scorer
