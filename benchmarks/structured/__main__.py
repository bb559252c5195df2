"""How many bad answers are put right, and what a structured answer costs.

    python -m benchmarks.structured [--cases 200] [--calls 2000] [--json]

Prints Markdown tables, or one JSON document. Bad outputs of twelve kinds are made from known truths
by a fixed seed; a scripted model then mends exactly what it is told, so the share with one more
call says whether every problem was named. The cost is CPU time over the bare call of a provider
that answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.structured.cases import N_CASES, SEED, Case, Order, cases, truth_of
from benchmarks.structured.mending import MAX_TOKENS, MendingModel
from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.structured.ask import ask
from seatrial.gateway.structured.model_shape import ModelShape
from seatrial.gateway.structured.options import Mode, StructuredOptions
from seatrial.testing.scripted_provider import ScriptedProvider, Turn

SHAPE = ModelShape(Order)
REQUEST = ChatRequest(
    model="m", messages=(said(Role.USER, "The order, please."),), max_tokens=MAX_TOKENS
)


@dataclass(frozen=True)
class Row:
    """What became of the bad outputs of a kind; all but ``kind`` are counts."""

    kind: str
    n: int
    by_json: int
    wrong_by_json: int
    without_call: int
    with_call: int
    given_up: int
    wrong: int


@dataclass(frozen=True)
class Cost:
    """CPU of a good answer over the bare call, in ms."""

    what: str
    cpu_ms: float


async def repaired(made: Sequence[Case]) -> list[Row]:
    """A row for each kind, and one for all."""
    ends = [(case, await _end(case)) for case in made]
    rows = [_row(kind, ends) for kind in dict.fromkeys(case.kind for case in made)]
    return [*rows, _row("all", ends)]


async def _end(case: Case) -> tuple[int, bool]:
    """Calls it took, 0 where it was given up, and whether the value is wrong."""
    model = MendingModel(case)
    options = StructuredOptions(max_asked=2, max_tokens_if_cut=2 * MAX_TOKENS)
    try:
        found = await ask(model, REQUEST, _call(), SHAPE, options=options, now=lambda: 0.0)
    except ProviderFailure:
        return 0, False
    return found.n_asked, found.value != Order.model_validate(case.truth)


def _row(kind: str, ends: Sequence[tuple[Case, tuple[int, bool]]]) -> Row:
    of = [(case, end) for case, end in ends if kind in {"all", case.kind}]
    n_asked = [n for _, (n, _) in of]
    by_json = [_loads(case) for case, _ in of]
    return Row(
        kind=kind,
        n=len(of),
        by_json=sum(right is True for right in by_json),
        wrong_by_json=sum(right is False for right in by_json),
        without_call=n_asked.count(1),
        with_call=n_asked.count(2),
        given_up=n_asked.count(0),
        wrong=sum(wrong for _, (_, wrong) in of),
    )


def _loads(case: Case) -> bool | None:
    """Whether plain json and Pydantic in its lenient mode give the truth; None for an error."""
    try:
        value = Order.model_validate(json.loads(case.text))
    except ValueError:
        return None
    return repr(value) == repr(Order.model_validate(case.truth))


async def costs(n_calls: int) -> list[Cost]:
    """What verification costs a good answer, in each mode, and a fenced one."""
    import random

    good = json.dumps(truth_of(random.Random(SEED)))
    bare = await _cpu_ms(good, None, n_calls)
    rows = [Cost("bare call of the scripted provider", bare)]
    for name, text, mode in (
        *((f"good answer, {mode}", good, mode) for mode in Mode),
        ("answer in a fence, prompt", f"```json\n{good}\n```", Mode.PROMPT),
    ):
        rows.append(Cost(f"{name}: added", await _cpu_ms(text, mode, n_calls) - bare))
    return rows


async def _cpu_ms(text: str, mode: Mode | None, n_calls: int) -> float:
    """CPU of one call, in ms: the least of five rounds, since a busy machine only adds."""
    provider = ScriptedProvider([Turn(text=text)])

    async def once() -> object:
        if mode is None:
            return await provider.chat(REQUEST, _call())
        options = StructuredOptions(mode=mode)
        return await ask(provider, REQUEST, _call(), SHAPE, options=options, now=lambda: 0.0)

    return min([await _round(once, provider, n_calls) for _ in range(5)])


async def _round(
    once: Callable[[], Awaitable[object]], provider: ScriptedProvider, n_calls: int
) -> float:
    before = time.process_time()
    for _ in range(n_calls):
        await once()
    spent = time.process_time() - before
    provider.heard.clear()
    return 1_000 * spent / n_calls


def _call() -> Call:
    return Call(id="c", deadline=1.0, journal=Journal())


def markdown(rows: Sequence[Row], cost: Sequence[Cost]) -> str:
    """Both tables."""
    head = (
        "| kind | cases | json and Pydantic alone (wrong) | without a second call | with one "
        "| typed error | wrong |\n|---|---:|---:|---:|---:|---:|---:|"
    )
    lines = [
        f"| {r.kind} | {r.n} | {r.by_json} ({r.wrong_by_json}) | {r.without_call} "
        f"| {r.without_call + r.with_call} | {r.given_up} | {r.wrong} |"
        for r in rows
    ]
    spent = [f"| {c.what} | {c.cpu_ms:.3f} |" for c in cost]
    return "\n".join([head, *lines, "", "| CPU | ms |\n|---|---:|", *spent])


def main() -> None:
    """Run both and print them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=N_CASES, help="bad outputs in all")
    parser.add_argument("--calls", type=int, default=2_000, help="calls of a round of the cost")
    parser.add_argument("--seed", type=int, default=SEED, help="of the bad outputs")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    options = parser.parse_args()
    rows = asyncio.run(repaired(cases(options.cases, options.seed)))
    cost = asyncio.run(costs(options.calls))
    if options.json:
        document = {"seed": options.seed, "kinds": [asdict(r) for r in rows]}
        print(json.dumps(document | {"cost": [asdict(c) for c in cost]}, indent=1))
        return
    print(f"{options.cases} bad outputs, seed {options.seed}\n\n{markdown(rows, cost)}")


if __name__ == "__main__":
    main()
