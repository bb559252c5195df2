"""What follows when a registered version arrives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.packaging.sample import BadSample
from seatrial.registry.offers import OfferedFacts
from seatrial.release.desk import Desk
from seatrial.release.rollout import Looked, Phase, Plan, Staged, Step
from seatrial.release.verdict import Outcome as Judged
from seatrial.steps.context import Context
from seatrial.steps.live import Notes
from seatrial.training.evaluation.record import SCHEMA
from seatrial.wiring.evaluation.rows import digest
from seatrial.wiring.registry import arrival_packaging
from seatrial.wiring.registry.registering import Offered, ending
from tests.wiring.registry_bench import Bench, Killed, benched

Make = Callable[..., Bench]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    holdout = tmp_path / "holdout.csv"
    holdout.write_text("x,y\n1,0\n")

    def made(**more: Any) -> Bench:
        followed = {"holdout": str(holdout), "label": "y", **more}
        config = {"url": "memory", "every": "1s", "models": {"churn": followed}}
        return opened.enter_context(benched(tmp_path, monkeypatch, config))

    from contextlib import ExitStack

    with ExitStack() as opened:
        yield made


def test_a_first_version_is_promoted_and_told(make: Make) -> None:
    bench = make(move_alias="production")
    bench.registered(b"1")
    bench.run()
    assert bench.runs() == [("churn@mlflow:1", "promoted")]
    assert bench.tags(1)["seatrial.verdict"] == "promoted"
    assert "no stable version to protect" in bench.tags(1)["seatrial.reason"]
    assert bench.mlflow.moves == [("churn", "production", 1)]
    assert bench.n_evaluated == 0


def test_a_better_version_takes_over_by_itself(make: Make) -> None:
    bench = make()
    for content in (b"1", b"2"):
        bench.registered(content)
        bench.run()
    assert bench.promoted() == [1, 2]
    assert bench.n_evaluated == 1
    assert bench.tags(2) == {
        "seatrial.verdict": "promoted",
        "seatrial.reason": "all gates passed",
        "seatrial.version": "2",
        "seatrial.card": "http://here/endpoints/churn/versions/2/evaluation",
    }
    (rollout,) = [bench.states().get("churn").rollout]
    assert rollout is not None
    assert rollout.evaluation["outcome"] == "better"


@pytest.mark.parametrize("verdict", ["worse", "cannot_tell"])
def test_a_version_that_is_not_good_stops_before_the_canary(make: Make, verdict: str) -> None:
    bench = make()
    bench.registered(b"1")
    bench.run()
    bench.verdict = verdict
    bench.registered(b"2")
    bench.run()
    assert bench.promoted() == [1]
    assert bench.runs()[-1] == ("churn@mlflow:2", verdict)
    assert bench.tags(2)["seatrial.verdict"] == verdict
    assert bench.tags(2)["seatrial.reason"] == f"It is {verdict}."
    kinds = [f["kind"] for f in Desk(bench.store).history("churn")]
    assert kinds[-1] == "evaluation.failed"
    assert kinds.count("canary.warming") == 0


def test_what_nobody_can_tell_may_go_to_the_canary(make: Make) -> None:
    bench = make(cannot_tell="canary")
    bench.registered(b"1")
    bench.run()
    bench.verdict = "cannot_tell"
    bench.registered(b"2")
    bench.run()
    assert bench.promoted() == [1, 2]


def test_for_staging_it_ends_after_its_evaluation(make: Make) -> None:
    bench = make(target="staging")
    desk = Desk(bench.store)
    plan = Plan(steps=(Step(share=0.5, watch_s=1.0),))
    desk.start("churn", version=9, digest="d", target="production", plan=plan, by="me", notes={})
    bench.controlled()
    bench.registered(b"1")
    bench.run()
    assert bench.runs() == [("churn@mlflow:1", "staged")]
    assert bench.n_evaluated == 1


def test_without_a_holdout_the_canary_judges_alone(make: Make) -> None:
    bench = make(holdout=None)
    for content in (b"1", b"2"):
        bench.registered(content)
        bench.run()
    assert (bench.promoted(), bench.n_evaluated) == ([1, 2], 0)
    assert "seatrial.card" not in bench.tags(2)


def test_a_canary_that_fails_is_told(make: Make) -> None:
    bench = make()
    bench.registered(b"1")
    bench.run()
    bench.registered(b"2")
    bench.until("churn", Phase.STAGING)
    bench.happens(Staged(passed=True, reason="tests passed"))
    bench.until("churn", Phase.WARMING)
    bench.controlled()
    bench.happens(
        Looked(outcome=Judged.FAIL, reason="error rate 50 %", watched_s=1.0, judgement={})
    )
    bench.settles("aborted")
    assert bench.tags(2)["seatrial.reason"] == "error rate 50 %"


def test_staging_tests_that_fail_are_told(make: Make) -> None:
    bench = make()
    bench.registered(b"1")
    bench.until("churn", Phase.STAGING)
    bench.happens(Staged(passed=False, reason="golden answers differ"))
    bench.settles("rejected")
    assert bench.tags(1)["seatrial.reason"] == "golden answers differ"


def test_versions_go_one_after_the_other(make: Make) -> None:
    bench = make()
    bench.registered(b"1")
    bench.tick()
    for content in (b"2", b"3"):
        bench.registered(content)
        bench.tick(2)
    assert bench.releases() == [1]
    bench.run(60)
    assert bench.promoted() == [1, 2, 3]


def test_a_release_by_hand_is_waited_for(make: Make) -> None:
    bench = make()
    plan = Plan(steps=(Step(share=0.5, watch_s=1.0),))
    Desk(bench.store).start(
        "churn", version=9, digest="d", target="production", plan=plan, by="me", notes={}
    )
    bench.registered(b"1")
    bench.settles("waiting")
    assert bench.n_packaged == 0
    bench.run()
    assert bench.runs() == [("churn@mlflow:1", "promoted")]


def test_what_cannot_be_packaged_fails_with_its_reason(make: Make) -> None:
    class Unsafe(Invalid):
        code = "model.unsafe"

    bench = make()

    def refuse(_: object) -> None:
        raise Unsafe("It imports os.", remedy="Do not.")

    bench.packaging = refuse
    bench.registered(b"1")
    bench.settles("failed")
    assert bench.tags(1) == {
        "seatrial.verdict": "failed",
        "seatrial.reason": "It imports os. Do not.",
    }
    bench.packaging = lambda _: None
    from seatrial.training.following.desk import RegistryDesk

    RegistryDesk(bench.store, bench.own, bench.settings.registry).ask_again(
        "mlflow", "churn", 1, by="me"
    )
    bench.run()
    assert bench.runs()[-1][1] == "promoted"
    assert bench.tags(1)["seatrial.verdict"] == "promoted"


def test_a_holdout_that_cannot_be_read_ends_the_release(make: Make) -> None:
    bench = make()
    bench.registered(b"1")
    bench.run()

    def fail() -> None:
        raise BadSample("There is no file 'holdout.csv'.", remedy="Give one.")

    bench.evaluating = fail
    bench.registered(b"2")
    bench.run()
    assert bench.runs()[-1] == ("churn@mlflow:2", "failed")
    state = bench.states().get("churn")
    assert state.active is None
    assert state.stable == 1
    assert "holdout.csv" in bench.tags(2)["seatrial.reason"]


def test_a_registry_that_is_down_is_waited_for_at_every_step(make: Make) -> None:
    bench = make(move_alias="production")
    bench.registered(b"1")
    bench.follower.tick()
    bench.mlflow.down = True
    bench.settles("retrying")
    assert bench.n_packaged == 0
    bench.mlflow.down = False
    bench.clock.advance(60)
    bench.until("churn", Phase.STAGING)
    bench.mlflow.down = True
    bench.controlled()
    bench.settles("retrying")
    assert bench.promoted() == [1]
    bench.mlflow.down = False
    bench.run(60)
    assert bench.runs() == [("churn@mlflow:1", "promoted")]
    assert bench.mlflow.moves == [("churn", "production", 1)]


def test_a_version_that_was_deleted_meanwhile_does_not_hold_the_next_up(make: Make) -> None:
    bench = make()
    bench.registered(b"1")
    bench.until("churn", Phase.STAGING)
    bench.mlflow._versions["churn"].clear()
    bench.run()
    assert bench.runs() == [("churn@mlflow:1", "promoted")]


def test_an_alias_that_moves_back_releases_the_older_version_again(make: Make) -> None:
    bench = make(event="alias:champion")
    for content in (b"1", b"2"):
        number = bench.registered(content)
        bench.mlflow.move_alias("churn", "champion", number)
        bench.run()
    assert bench.promoted() == [1, 2]
    bench.verdict = "worse"
    bench.mlflow.move_alias("churn", "champion", 1)
    bench.run()
    assert bench.promoted() == [1, 2, 1]
    assert bench.n_packaged == 2  # as it was packaged before
    assert "moved back to it" in str(
        [f["data"] for f in Desk(bench.store).history("churn") if f["kind"] == "evaluation.passed"]
    )


def test_an_alias_that_points_to_what_is_served_changes_nothing(make: Make) -> None:
    bench = make(event="alias:champion")
    bench.registered(b"1")
    bench.mlflow.move_alias("churn", "champion", 1)
    bench.run()
    bench.registered(b"1")  # the same content is the same version here
    bench.mlflow.move_alias("churn", "champion", 2)
    bench.run()
    assert [outcome for _, outcome in bench.runs()] == ["promoted", "unchanged"]
    assert bench.releases() == [1]


def test_the_alias_that_seatrial_moves_starts_nothing(make: Make) -> None:
    bench = make(event="alias:champion", move_alias="champion")
    bench.own.offer_bytes("churn", "6f.pkl", [b"o"], OfferedFacts(label="y"), by="me")
    bench.run()
    assert bench.runs() == [("churn@own:1", "promoted")]
    assert dict(bench.own.aliases("churn")) == {"champion": 1}
    bench.run()
    assert bench.runs() == [("churn@own:1", "promoted")]


@pytest.mark.parametrize("at", [*range(0, 24, 2), *range(1, 60, 6)])
def test_killed_at_any_write_it_ends_the_same_and_nothing_twice(
    make: Make, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    bench = make(move_alias="production")
    bench.registered(b"1")
    bench.run()
    bench.registered(b"2")
    writes, real = [0], bench.store.append

    def append(stream: str, drafts: Any, *, expected: int) -> Any:
        if stream.startswith(("run/", "followed/", "endpoint/", "model/")):
            writes[0] += 1
            if writes[0] == at // 2 + 1:
                if at % 2:
                    real(stream, drafts, expected=expected)
                raise Killed
        return real(stream, drafts, expected=expected)

    monkeypatch.setattr(bench.store, "append", append)
    for _ in range(90):
        try:
            bench.tick()
            bench.controlled()
        except Killed:
            bench.start()
        if bench.runs()[-1] == ("churn@mlflow:2", "promoted"):
            break
    bench.run(3)
    assert bench.runs() == [("churn@mlflow:1", "promoted"), ("churn@mlflow:2", "promoted")]
    assert (bench.releases(), bench.promoted()) == ([1, 2], [1, 2])
    assert bench.mlflow.moves == [("churn", "production", 1), ("churn", "production", 2)]
    assert bench.tags(2)["seatrial.verdict"] == "promoted"


def handed_in(bench: Bench, *, baseline: str) -> Path:
    """An evaluation as `write_evaluation` writes one."""
    folder = bench.folder / "evaluation"
    folder.mkdir(exist_ok=True)
    record = {
        "schema": SCHEMA,
        "outcome": "not_worse",
        "reason": {"en": "As good."},
        "versions": {"baseline": {"digest": baseline}},
        "data": {"digest": digest(bench.folder / "holdout.csv")},
    }
    (folder / "evaluation.json").write_text(json.dumps(record))
    (folder / "card.md").write_text("# Card")
    return folder


@pytest.mark.parametrize("holds", [True, False])
def test_an_evaluation_that_was_handed_in_is_used_while_it_holds(make: Make, holds: bool) -> None:
    bench = make()
    bench.registered(b"1")
    bench.run()
    baseline = bench.states().get("churn").digests[1] if holds else "d" * 64
    folder = handed_in(bench, baseline=baseline)
    bench.own.offer_bytes(
        "churn", "6f.pkl", [b"o"], OfferedFacts(evaluation=str(folder)), by="pipeline"
    )
    bench.run()
    assert bench.n_evaluated == (0 if holds else 1)
    offered = Offered(model="churn", number=1, endpoint="churn")
    end = ending(bench.workspace, bench.store, offered)
    assert end is not None
    assert (end.outcome, end.version) == ("promoted", 2)
    assert (end.card is not None) is holds


def test_the_end_is_not_known_before(make: Make) -> None:
    bench = make()
    offered = Offered(model="churn", number=1, endpoint="churn")
    assert ending(bench.workspace, bench.store, offered) is None
    bench.own.offer_bytes("churn", "6f.pkl", [b"o"], OfferedFacts(), by="me")
    bench.tick(3)
    assert ending(bench.workspace, bench.store, offered) is None


def test_a_person_who_ends_the_release_ends_the_arrival(make: Make) -> None:
    bench = make()
    bench.registered(b"1")
    bench.run()
    bench.registered(b"2")
    bench.until("churn", Phase.STAGING)
    Desk(bench.store).abort("churn", by="me", reason="not today")
    bench.settles("aborted")
    assert bench.tags(2)["seatrial.reason"] == "not today"


def test_a_server_that_ends_in_an_evaluation_refuses_no_version(make: Make) -> None:
    bench = make()
    bench.registered(b"1")
    bench.run()
    bench.registered(b"2")

    def told_to_end() -> None:
        bench.evaluating = lambda: None
        said: Any = SimpleNamespace(id="registry/churn", name="evaluation")
        context = Context(said, said, Notes())
        context.stop("this process ends")
        context.check()

    bench.evaluating = told_to_end
    bench.run(60)
    assert bench.runs()[-1] == ("churn@mlflow:2", "promoted")
    assert bench.n_evaluated == 2


def test_a_step_that_breaks_is_no_end(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody has foreseen is tried again, and shown."""
    bench = make()
    bench.registered(b"1")
    real = arrival_packaging.register_order

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(arrival_packaging, "register_order", broken)
    bench.settles("retrying")
    monkeypatch.setattr(arrival_packaging, "register_order", real)
    bench.run(60)
    assert bench.runs() == [("churn@mlflow:1", "promoted")]
