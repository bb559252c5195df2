"""What live versions answer to many rows, and how long they take."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.naming import name_of
from seatrial.monitoring.rows.served import column_of
from seatrial.registry.signature import Batch, Column, Prediction, Signature, Task, n_rows, take
from seatrial.serving.exchange import BadOutput
from seatrial.serving.failures import EngineFailed
from seatrial.serving.live import LiveVersion
from seatrial.training.evaluation.answers import Answers
from seatrial.training.evaluation.latency import Ask, Times, time_in_turns

_AT_ONCE = 1_000
"""Rows of a call, and of a timed batch."""

MAX_CALLS = 2_000
"""Calls spent on finding the rows of a failed call that are to blame; the rest counts as failed."""

_ONE_S, _MANY_S = 2.0, 2.0
"""Seconds that timing takes, of single rows and of batches."""

_MOST_TIMED = 2_000
"""Calls are of rows drawn before: drawing one takes as long as a quick model does."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A live version, and the rows it is asked.

    Args:
        live: started.
        batch: all rows, in its signature.
        accepted: the rows that its signature takes, shape (n,).
    """

    live: LiveVersion
    batch: Batch
    accepted: Mask


async def answers_of(asked: Asked, progress: Callable[[int, int], None]) -> Answers:
    """Ask for all rows, some at a time; where a call fails the rows to blame are found by halving.

    Args: progress: told rows done and rows in all.
    Raises: what engines raise, but for rows that they fail on.
    """
    signature, n = asked.live.signature, n_rows(asked.batch)
    rows = np.flatnonzero(asked.accepted)
    todo = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)][::-1]
    why_not = None if len(rows) == n else "Its signature does not take the row."
    found: list[tuple[NDArray[np.intp], Prediction]] = []
    spare = MAX_CALLS + len(todo)
    done = n - len(rows)
    while todo and spare:
        spare -= 1
        piece = todo.pop()
        try:
            found.append((piece, await _answer(asked.live, take(asked.batch, piece))))
        except (EngineFailed, BadOutput) as problem:
            why_not = problem.problem
            if len(piece) > 1:
                todo += [piece[len(piece) // 2 :], piece[: len(piece) // 2]]
                continue
        done += len(piece)
        progress(done, n)
    return _as_answers(signature, n, found, why_not)


async def times_in_turns(
    asked: Mapping[str, Asked], answered: Mask, *, seed: int = 0
) -> dict[str, tuple[Times, Times]]:
    """Times of single rows and of batches, by version.

    Args: answered: rows that all versions answer, shape (n,), at least one.
    """
    rows = np.flatnonzero(answered)
    found = []
    for size, budget_s in ((1, _ONE_S), (min(_AT_ONCE, len(rows)), _MANY_S)):
        n = _MOST_TIMED if size == 1 else 20
        draws = np.random.default_rng(seed).choice(rows, size=(n, size))
        asks = {name: _asks(one, draws) for name, one in asked.items()}
        found.append(
            await time_in_turns(asks, n_rows=size, budget_s=budget_s, monotonic=time.monotonic)
        )
    return {name: (found[0][name], found[1][name]) for name in asked}


def _asks(asked: Asked, draws: NDArray[np.intp]) -> Ask:
    batches = [take(asked.batch, rows) for rows in draws]
    turn = iter(range(1 << 62))

    def ask() -> Awaitable[object]:
        return _answer(asked.live, batches[next(turn) % len(batches)])

    return ask


async def _answer(live: LiveVersion, batch: Batch) -> Prediction:
    answer = live.predict(batch)
    return await answer if isawaitable(answer) else answer


def _as_answers(
    signature: Signature,
    n: int,
    found: list[tuple[NDArray[np.intp], Prediction]],
    why_not: str | None,
) -> Answers:
    answered = np.zeros(n, np.bool_)
    for rows, _ in found:
        answered[rows] = True
    outputs = {output.name: output for output in signature.outputs}
    classes = None
    if "probabilities" in outputs and outputs["probabilities"].classes is not None:
        classes = tuple(name_of(value) for value in outputs["probabilities"].classes)
    name = "label" if "label" in outputs else "prediction"
    if name not in outputs or outputs[name].width not in (None, 1):
        nothing = np.zeros(n)
        return Answers(task=Task.OTHER, answered=answered, predicted=nothing, values=nothing)
    values = _whole(n, [(rows, answer[name]) for rows, answer in found], outputs[name].dtype.numpy)
    probabilities = None
    if classes is not None:
        parts = [(rows, answer["probabilities"]) for rows, answer in found]
        whole = _whole(n, parts, np.dtype(np.float64), width=len(classes))
        probabilities = whole.astype(np.float64, copy=False)
    return Answers(
        task=signature.task,
        answered=answered,
        predicted=column_of(values),
        values=values,
        classes=classes,
        probabilities=probabilities,
        why_not=None if answered.all() else why_not,
    )


def _whole(
    n: int,
    parts: list[tuple[NDArray[np.intp], Column]],
    dtype: np.dtype[np.generic],
    *,
    width: int | None = None,
) -> NDArray[np.generic]:
    """The answers of all rows; those without one hold nothing of meaning."""
    whole = np.zeros(n if width is None else (n, width), dtype)
    for rows, values in parts:
        whole[rows] = values.reshape(-1) if width is None else values
    return whole
