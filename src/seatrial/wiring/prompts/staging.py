"""Staging of a prompt: its golden examples are rendered, asked and judged, for a bounded sum.

The money is a budget in the ledger, in the name of the release: tests that begin anew after a
crash go on with what is left of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.ledger.budget import Window
from seatrial.gateway.prompts.live import LivePrompt
from seatrial.gateway.prompts.score import compared
from seatrial.gateway.prompts.variant import Example, Golden
from seatrial.gateway.routes.gateway import Caller, Gateway
from seatrial.gateway.routes.keys import Key
from seatrial.gateway.routes.table import Use
from seatrial.gateway.structured.failures import AnswerCut, AnswerFiltered, AnswerInvalid
from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.staging_report import StagingReport, TestResult
from seatrial.release.gate_record import absolute, gates_from_dict
from seatrial.release.judge import judge
from seatrial.release.measurement import UNKNOWN, Summary, quality
from seatrial.release.rollout import Rollout, Staged
from seatrial.release.verdict import Outcome
from seatrial.wiring.deploying.stager import write_report
from seatrial.wiring.gateway import gateway_of
from seatrial.wiring.prompts.versions import opened
from seatrial.wiring.workspace import Workspace

_AT_ONCE = 4
_MOST_SHOWN = 2


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one golden example.

    Args:
        latency_s: until the answer or the error.
        problem: the error; "" for an answer.
        fits: whether the answer has its form; None where it needs none, or there is no answer.
        cost_usd: of all attempts; None where no provider was asked.
        scores: what it is worth, by whoever says so.
    """

    latency_s: float
    problem: str = ""
    fits: bool | None = None
    cost_usd: Decimal | None = None
    scores: tuple[float, ...] = ()


class PromptStage:
    """Tests a version of a prompt; see `wiring.deploying.staging_jobs.Stage`.

    Args:
        workspace: with the store, and the gateway's configuration.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __call__(self, rollout: Rollout, endpoint: str, on_test: Callable[[str], None]) -> Staged:
        """Blocks.   Raises: as `prompts.opened` and `gateway_of`."""
        settings = self._workspace.settings
        store = self._workspace.open_store()
        try:
            models = settings.gateway.models
            live = opened(store, endpoint, rollout.version, rollout.digest, models)
        finally:
            store.close()
        on_test("golden examples")
        tried = asyncio.run(self._tried(live, rollout.release))
        report = reported(live, tried, rollout)
        folder = self._workspace.release_folder(endpoint, rollout.version)
        folder.mkdir(parents=True, exist_ok=True)
        write_report(folder, report)
        return Staged(passed=report.passed, reason=report.reason, report=report.as_dict())

    async def _tried(self, live: LivePrompt, release: str) -> list[Tried]:
        payer = Key(
            id=f"golden/{release}",
            name="golden examples",
            digest="",
            budget_usd=self._workspace.settings.prompts.golden_usd,
            window=Window.TOTAL,
            requests_per_minute=1_000_000,
            tokens_per_minute=1_000_000_000,
        )
        places = asyncio.Semaphore(_AT_ONCE)
        async with gateway_of(self._workspace, key=lambda _: payer) as gateway:

            async def one(example: Example) -> Tried:
                async with places:
                    return await _try(gateway, live, example, payer.id)

            return await asyncio.gather(*map(one, live.variant.golden.examples))


async def _try(gateway: Gateway, live: LivePrompt, example: Example, payer: str) -> Tried:
    route = gateway.table.get(live.variant.model, Use.CHAT)
    caller = Caller(key=payer, tenant=payer, tags={"prompt": live.name, "golden": "yes"})
    call = gateway.call(route, caller)
    began = time.monotonic()
    try:
        response = await route.provider.chat(live.request(example.variables), call)
    except SeatrialError as error:
        unfit = isinstance(error, AnswerInvalid | AnswerCut | AnswerFiltered)
        return Tried(
            latency_s=time.monotonic() - began,
            problem=error.problem,
            fits=False if unfit else None,
            cost_usd=_cost(call),
        )
    return Tried(
        latency_s=time.monotonic() - began,
        fits=True if live.is_parsed else None,
        cost_usd=_cost(call),
        scores=tuple(_scores(live, example, response.text)),
    )


def _cost(call: Call) -> Decimal | None:
    """None for an answer of the cache."""
    return call.journal.cost_usd if call.journal.attempts else None


def _scores(live: LivePrompt, example: Example, answer: str) -> list[float]:
    golden, scores = live.variant.golden, list[float]()
    if golden.compare is not None:
        scores.append(compared(golden.compare, answer, example.expected))
    scored = live.score(example.variables, answer)
    return scores if scored is None else [*scores, scored]


def reported(live: LivePrompt, tried: list[Tried], rollout: Rollout) -> StagingReport:
    """The report of what came of the golden examples; absolute gates are judged on them."""
    golden = live.variant.golden
    tests = [_answered(tried)]
    if live.is_parsed:
        tests.append(_parsed(tried, golden))
    if golden.compare is not None or live.scorer is not None:
        tests.append(_scored(tried, golden))
    summary = _summary(tried)
    judgement = judge(absolute(gates_from_dict(rollout.plan.gates)), canary=summary, stable=None)
    failed = judgement.outcome is Outcome.FAIL
    cost = sum((t.cost_usd for t in tried if t.cost_usd is not None), Decimal(0))
    said = f"{len(tried)} examples cost {cost:.6f} USD"
    tests.append(_result("gates", judgement.reason if failed else said, passed=not failed))
    return StagingReport(
        endpoint=live.name,
        version=rollout.version,
        digest=rollout.digest,
        tests=tuple(tests),
        measured=_measured(tried, summary, cost),
    )


def _answered(tried: list[Tried]) -> TestResult:
    failed = [t.problem for t in tried if t.problem and t.fits is None]
    if failed:
        shown = " | ".join(failed[:_MOST_SHOWN])
        return _result("answers", f"{len(failed)} of {len(tried)} failed: {shown}", passed=False)
    return _result("answers", f"{len(tried)} golden examples were answered", passed=True)


def _parsed(tried: list[Tried], golden: Golden) -> TestResult:
    fits = [t.fits for t in tried if t.fits is not None]
    n_fit = sum(fits)
    said = f"{n_fit} of {len(fits)} answers parsed"
    enough = bool(fits) and n_fit >= golden.least_parse_rate * len(fits)
    if not enough:
        why = next((t.problem for t in tried if t.fits is False), "there was none")
        said += f", fewer than {100 * golden.least_parse_rate:g} %: {why}"
    return _result("parse rate", said, passed=enough)


def _scored(tried: list[Tried], golden: Golden) -> TestResult:
    scores = [score for t in tried for score in t.scores]
    mean = sum(scores) / len(scores) if scores else 0.0
    said = f"mean score {mean:.3g} of {len(scores)}, at least {golden.least_score:g} is needed"
    return _result("score", said, passed=bool(scores) and mean >= golden.least_score)


def _result(name: str, detail: str, *, passed: bool) -> TestResult:
    return TestResult(name=name, passed=passed, detail=detail, seconds=0.0)


def _summary(tried: list[Tried]) -> Summary:
    known = (quality(fits=t.fits, cost_usd=t.cost_usd) for t in tried)
    scored = (quality(score=score) for t in tried for score in t.scores)
    n_failed = sum(bool(t.problem) for t in tried)
    counted = Summary.of([t.latency_s for t in tried], errors={"golden": n_failed})
    return Summary(
        latency=counted.latency, errors=counted.errors, quality=sum([*known, *scored], UNKNOWN)
    )


def _measured(tried: list[Tried], summary: Summary, cost: Decimal) -> dict[str, float]:
    quantiles = {
        f"p{100 * q:g}_ms": 1e3 * (summary.latency.quantile(q) or 0.0) for q in (0.5, 0.95, 0.99)
    }
    found = summary.quality
    measured = {
        **quantiles,
        "n": float(len(tried)),
        "n_failed": float(summary.n_errors),
        "cost_usd": float(cost),
    }
    if found.n_checked:
        measured["parse_rate"] = 1 - found.n_unfit / found.n_checked
    if (lost := found.lost_counts.rate) is not None:
        measured["score"] = 1 - lost
    return measured
