"""Is every answer right? Asked at the concurrency that is timed, so that mixed-up replies show."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor

from benchmarks.serving.scenario import Scenario
from benchmarks.serving.server import asked
from benchmarks.serving.truth import Truth
from benchmarks.serving.wire import Call, Wire


class WrongAnswer(Exception):
    """A server's answer is not the model's; the message says how."""


def answers(port: int, wire: Wire, calls: list[Call], scenario: Scenario, truth: Truth) -> int:
    """Ask for every distinct request of a scenario at once and compare.

    Returns: how many answers were compared.   Raises: WrongAnswer.
    """
    batches = truth.batches(scenario)

    def ask(i: int) -> str | None:
        try:
            reply = asked(port, calls[i], timeout_s=60)
            if reply.status != 200:
                return f"status {reply.status}: {reply.body[:200]!r}"
            answer = wire.read(reply.headers, reply.body)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            return repr(error)
        return truth.differs(scenario.model, batches[i], answer)

    with ThreadPoolExecutor(max_workers=scenario.concurrency) as pool:
        wrong = [problem for problem in pool.map(ask, range(len(calls))) if problem]
    if wrong:
        raise WrongAnswer(f"{len(wrong)} of {len(calls)} answers are wrong: {wrong[0]}")
    return len(calls)
