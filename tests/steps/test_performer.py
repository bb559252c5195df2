"""One step at a time from outside, on fakes: done once whoever asks, and left to whom it is."""

import threading
from dataclasses import replace

import pytest

from seatrial.kernel.errors import Invalid, Unavailable
from seatrial.steps.decide import RunConflict
from seatrial.steps.performer import Came, Performer, Stopped, UnknownStep
from seatrial.steps.run import Status
from seatrial.steps.runs import Runs, UnknownRun
from seatrial.steps.worker import WorkflowChanged
from seatrial.steps.workflow import Done, Retry, Wait
from tests.steps.pipelines import (
    Bench,
    Number,
    World,
    adding,
    ending,
    failing,
    now_and_here,
    step,
    workflow,
)

PATIENCE_S = 900.0


def started(bench, left_to="airflow"):
    runs = Runs(bench.store, clock=bench.clock)
    run, _ = runs.start(
        bench.flow,
        key="a",
        input=Number(value=3),
        reason="a test",
        by="anna",
        left_to=left_to,
        left_s=PATIENCE_S,
    )
    return runs, run.id


def performer(bench, name="p1", **more):
    made = Performer(
        store=bench.store,
        workflows=[bench.flow],
        clock=bench.clock,
        holder=name,
        stop=threading.Event(),
        spawn=now_and_here,
    )
    return replace(made, **more)


def now(runs, run_id):
    runs.refresh()
    return runs.get(run_id)


def test_steps_are_done_one_by_one_and_once_each():
    world = World()
    bench = Bench(adding(world))
    runs, run_id = started(bench)
    said = []
    first, second = performer(bench, on_line=said.append), performer(bench, "p2")
    for name in ("double", "wait", "add"):
        assert first.perform(run_id, name)[0] is Came.DONE
        assert second.perform(run_id, name)[0] is Came.DONE
    assert world.asked == {"sum/a/double": 1, "sum/a/wait": 1, "sum/a/add": 1}
    assert said == ["doubling"]
    assert now(runs, run_id).outcome == "added"


def test_a_run_that_is_left_to_another_is_taken_up_after_its_silence():
    world = World()
    bench = Bench(adding(world, polls=0))
    runs, run_id = started(bench)
    performer(bench).perform(run_id, "double")
    bench.tick(3, seconds=PATIENCE_S / 4)
    assert now(runs, run_id).current.name == "wait"
    bench.clock.advance(PATIENCE_S)
    bench.tick(4)
    run = now(runs, run_id)
    assert (run.outcome, run.left_to) == ("added", "")  # once taken up it is ours to the end
    assert performer(bench).perform(run_id, "add")[0] is Came.DONE
    assert set(world.asked.values()) == {1}


def test_a_run_that_nobody_is_left_with_is_ours_at_once():
    bench = Bench(adding(World(), polls=0))
    runs, run_id = started(bench, left_to="")
    bench.tick(4)
    assert now(runs, run_id).outcome == "added"


def test_clocks_that_differ_a_little_do_not_take_a_run_from_its_orchestrator():
    bench = Bench(adding(World()))
    runs, run_id = started(bench)
    run = now(runs, run_id)
    assert run.is_left(run.started_at.replace(year=2029, month=12, day=31, hour=23, minute=59))
    assert not run.is_left(run.started_at.replace(year=2029))


def test_what_may_pass_is_tried_once_a_call_and_what_cannot_never_again():
    away = Unavailable("away", remedy="wait")
    bench = Bench(failing(away, away, retry=Retry(attempts=3, first_s=5.0)))
    _, run_id = started(bench)
    at = performer(bench)
    begun_s = bench.clock.monotonic()
    assert [at.perform(run_id, "try")[0] for _ in range(3)] == [Came.AGAIN, Came.AGAIN, Came.DONE]
    assert bench.clock.monotonic() - begun_s >= 15.0  # the waits of the policy

    bench = Bench(failing(Invalid("bad", remedy="mend it"), retry=Retry(attempts=3)))
    runs, run_id = started(bench)
    assert performer(bench).perform(run_id, "try")[0] is Came.FAILED
    assert performer(bench).perform(run_id, "try")[0] is Came.FAILED
    assert now(runs, run_id).step("try").attempt == 1
    runs.retry(run_id, by="anna", left_to="airflow")
    bench.tick(3)
    assert performer(bench).perform(run_id, "try")[0] is Came.DONE


def test_a_retry_by_a_person_is_for_our_workers():
    bench = Bench(failing(Invalid("bad", remedy="mend it"), retry=Retry()))
    runs, run_id = started(bench)
    performer(bench).perform(run_id, "try")
    runs.retry(run_id, by="anna")
    bench.tick(2)
    assert now(runs, run_id).status is Status.ENDED


def test_what_waits_is_asked_once_or_waited_with():
    world = World()
    bench = Bench(adding(world, polls=2))
    _, run_id = started(bench)
    at = performer(bench)
    at.perform(run_id, "double")
    assert at.perform(run_id, "wait", once=True)[0] is Came.WAITS
    assert at.perform(run_id, "wait", once=True)[0] is Came.WAITS
    assert at.perform(run_id, "wait", once=True)[0] is Came.DONE
    assert world.asked["sum/a/wait"] == 1


def test_a_person_is_waited_for_and_may_give_the_output():
    waits = step("approve", lambda _: Wait(None, "a person"))
    bench = Bench(workflow(waits))
    runs, run_id = started(bench)
    at = performer(bench)
    assert at.perform(run_id, "approve", once=True)[0] is Came.WAITS
    assert at.perform(run_id, "approve", once=True)[0] is Came.WAITS
    heard = []

    def anna(reason):
        heard.append(reason)
        runs.take_over(run_id, bench.flow, Number(value=1), by="anna")

    assert performer(bench, on_wait=anna).perform(run_id, "approve")[0] is Came.DONE
    assert heard == ["a person"]


def test_a_run_that_ends_early_is_over_for_the_steps_behind():
    bench = Bench(ending("worse", "it lost"))
    _, run_id = started(bench)
    assert performer(bench).perform(run_id, "judge")[0] is Came.OVER
    came, run = performer(bench).perform(run_id, "after")
    assert (came, run.outcome) == (Came.OVER, "worse")


def test_a_cancelled_run_is_over():
    bench = Bench(adding(World()))
    runs, run_id = started(bench)
    runs.cancel(run_id, by="anna")
    assert performer(bench).perform(run_id, "double")[0] is Came.OVER


def test_one_that_is_told_to_stop_gives_its_step_back():
    bench = Bench(workflow(step("wait", lambda _: Wait(5.0, "the world"))))
    _, run_id = started(bench)
    stop = threading.Event()
    with pytest.raises(Stopped):
        performer(bench, stop=stop, on_wait=lambda _: stop.set()).perform(run_id, "wait")
    assert bench.store.acquire(f"run/{run_id}", "another", ttl_s=1.0) is not None


def test_what_cannot_be_done_is_said():
    bench = Bench(adding(World()))
    _, run_id = started(bench)
    with pytest.raises(UnknownRun):
        performer(bench).perform("sum/b", "double")
    with pytest.raises(UnknownStep, match="double, wait, add"):
        performer(bench).perform(run_id, "dance")
    with pytest.raises(RunConflict, match="stands at double"):
        performer(bench).perform(run_id, "add")
    bench.flow = workflow(step("other", lambda _: Done(Number(value=1))))
    with pytest.raises(WorkflowChanged):
        performer(bench).perform(run_id, "double")
