"""The worker on fakes: what happens when steps wait, fail, are killed, and people interfere."""

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.kernel.errors import Invalid, Unavailable
from seatrial.kernel.events import Draft
from seatrial.kernel.store import StoreUnavailable
from seatrial.steps import live
from seatrial.steps.context import Stopping
from seatrial.steps.decide import RunConflict
from seatrial.steps.record import BadRecord
from seatrial.steps.run import Status
from seatrial.steps.runs import Runs
from seatrial.steps.workflow import Done, Retry, Wait
from tests.steps.pipelines import (
    Bench,
    Ended,
    Killed,
    Number,
    World,
    adding,
    ending,
    failing,
    step,
    workflow,
)


def started(bench, key="a", value=3):
    runs = Runs(bench.store, clock=bench.clock)
    run, created = runs.start(
        bench.flow, key=key, input=Number(value=value), reason="a test", by="anna"
    )
    assert created
    return runs, run.id


def now(runs, run_id):
    runs.refresh()
    return runs.get(run_id)


def test_a_run_goes_through_its_steps_and_keeps_what_each_gave():
    world = World()
    bench = Bench(adding(world))
    runs, run_id = started(bench)
    bench.tick(20, seconds=5.0)
    run = now(runs, run_id)
    assert (run.status, run.outcome, run.reason) == (Status.ENDED, "added", "it is 7")
    assert [s.output for s in run.steps] == [
        {"value": 6},
        {"value": 2},
        {"value": 7, "reason": "it is 7"},
    ]
    assert world.asked == {"sum/a/double": 1, "sum/a/wait": 1, "sum/a/add": 1}
    assert run.steps[0].log == ("doubling",)


def test_two_starts_with_one_key_are_one_run():
    bench = Bench(adding(World()))
    _, run_id = started(bench)
    again, created = Runs(bench.store).start(
        bench.flow, key="a", input=Number(value=99), reason="another", by="ben"
    )
    assert (created, again.id) == (False, run_id)
    assert again.input == {"value": 3}


def test_a_wait_holds_no_thread_and_no_lease_and_leaves_a_fact_only_for_news():
    bench = Bench(workflow(step("wait", lambda _: Wait(1.0, "still"))))
    started(bench)
    bench.tick(50, seconds=1.0)
    assert bench.worker.idle
    assert bench.store.acquire("run/sum/a", "other", ttl_s=1) is not None
    kinds = [fact.kind for fact in bench.store.read(stream="run/sum/a")]
    assert kinds == ["run.started", "step.begun", "step.waiting"]


def test_a_wait_is_asked_again_not_before_its_time():
    calls = []

    def act(context):
        calls.append(bench.clock.monotonic())
        return Wait(10.0, "still")

    bench = Bench(workflow(step("wait", act)))
    started(bench)
    bench.tick(31, seconds=1.0)
    # Ten seconds after the answer was kept, which is a tick after it was given.
    assert [round(b - a) for a, b in pairwise(calls)] == [11, 11]


def test_a_wait_for_a_person_ends_when_one_takes_over():
    bench = Bench(workflow(step("approve", lambda _: Wait(None, "approve it")), outcome="done"))
    runs, run_id = started(bench)
    bench.tick(5, seconds=1000.0)
    assert now(runs, run_id).status is Status.WAITING
    run = runs.take_over(run_id, bench.flow, Number(value=1), by="anna", reason="looks well")
    assert (run.status, run.outcome) == (Status.ENDED, "done")
    assert (run.steps[0].by, run.steps[0].reason) == ("anna", "looks well")


def test_what_a_person_gives_must_be_what_the_step_gives():
    bench = Bench(workflow(step("approve", lambda _: Wait(None, "approve it"))))
    runs, run_id = started(bench)
    bench.tick(2)
    with pytest.raises(BadRecord, match="output of approve is a Ended, not a Number"):
        runs.take_over(run_id, bench.flow, Ended(value=1), by="anna")


def test_a_retryable_failure_is_tried_again_after_growing_waits():
    down = Unavailable("The store is away.", remedy="Wait.")
    bench = Bench(failing(down, down, retry=Retry(attempts=3, first_s=10.0)))
    runs, run_id = started(bench)
    begun = []
    for _ in range(50):
        bench.tick(seconds=1.0)
        run = now(runs, run_id)
        begun.append(run.steps[0].begun_at)
    waits = [(b - a).total_seconds() for a, b in pairwise(sorted(set(begun)))]
    assert waits == [11.0, 21.0]  # and a tick each to keep what came of it
    assert (run.status, run.steps[0].output) == (Status.ENDED, {"value": 3})


def test_what_can_never_succeed_is_not_tried_again():
    bench = Bench(failing(Invalid("Bad data.", remedy="Fix it."), retry=Retry(attempts=9)))
    runs, run_id = started(bench)
    bench.tick(5, seconds=100.0)
    run = now(runs, run_id)
    assert (run.status, run.current.error["problem"]) == (Status.FAILED, "Bad data.")
    assert run.current.log == ("attempt 1",)


def test_a_person_retries_a_failed_step():
    bench = Bench(failing(ValueError("oops"), retry=Retry()))
    runs, run_id = started(bench)
    bench.tick(3, seconds=100.0)
    assert now(runs, run_id).current.error["problem"] == "ValueError: oops"
    runs.retry(run_id, by="anna")
    bench.tick(2)
    run = now(runs, run_id)
    assert (run.status, run.steps[0].attempt) == (Status.ENDED, 2)


def test_a_retry_of_what_did_not_fail_is_refused():
    bench = Bench(workflow(step("wait", lambda _: Wait(1.0, "still"))))
    runs, run_id = started(bench)
    bench.tick(2)
    with pytest.raises(RunConflict, match="is waiting, not failed"):
        runs.retry(run_id, by="anna")


def test_a_step_may_end_the_run():
    bench = Bench(ending("worse", "p = 0.5"))
    runs, run_id = started(bench)
    bench.tick(3)
    run = now(runs, run_id)
    assert (run.status, run.outcome, run.reason, run.data) == (
        Status.ENDED,
        "worse",
        "p = 0.5",
        {"p": 0.5},
    )
    with pytest.raises(RunConflict, match="over"):
        runs.cancel(run_id, by="anna")


@pytest.mark.parametrize(
    "output", [Ended(value=1), {"value": 1}, None, Number(value=float("nan")), "x"]
)
def test_an_output_that_cannot_be_kept_fails_the_step(output):
    bench = Bench(workflow(step("give", lambda _: Done(output))))
    runs, run_id = started(bench)
    bench.tick(2)
    run = now(runs, run_id)
    assert run.status is Status.FAILED
    assert "output of give" in run.current.error["problem"]


def test_an_error_whose_facts_are_no_json_is_kept_as_text():
    problem = Invalid("Bad \ud83d.", remedy="Fix it.", value=float("nan"))
    bench = Bench(failing(problem, retry=Retry()))
    runs, run_id = started(bench)
    bench.tick(2)
    error = now(runs, run_id).current.error
    assert (error["facts"], error["problem"]) == ({"value": "nan"}, "Bad ?.")


class Threads:
    """Steps that run until they are let go, each on a thread."""

    def __init__(self):
        self.begun = threading.Event()
        self.go = threading.Event()
        self.stopped = threading.Event()

    def act(self, context):
        context.log("at work")
        context.progress(0.25, "a quarter")
        self.begun.set()
        while not self.go.wait(0.001):
            try:
                context.check()
            except Stopping:
                self.stopped.set()
                raise
        return Done(Number(value=1))


@pytest.fixture
def busy():
    threads = Threads()
    bench = Bench(workflow(step("work", threads.act, timeout_s=60.0)))
    threads_of_it = []

    def spawn(work, _name):
        thread = threading.Thread(target=work, daemon=True)
        threads_of_it.append(thread)
        thread.start()

    bench.worker = bench.new_worker(spawn=spawn)
    bench.runs, bench.run_id = started(bench)
    bench.tick()
    assert threads.begun.wait(5)
    yield bench, threads
    threads.go.set()
    for thread in threads_of_it:
        thread.join(5)


def test_what_a_step_says_can_be_read_while_it_runs(busy):
    bench, _ = busy
    bench.tick()
    said = live.watch(bench.store, bench.run_id)
    assert (said.step, said.share, said.note) == ("work", 0.25, "a quarter")
    assert said.lines == ("at work",)


def test_a_cancelled_step_is_told_to_stop_and_its_answer_is_nothing(busy):
    bench, threads = busy
    bench.runs.cancel(bench.run_id, by="anna", reason="not now")
    bench.tick()
    assert threads.stopped.wait(5)
    run = now(bench.runs, bench.run_id)
    assert (run.status, run.reason) == (Status.CANCELLED, "not now")


def test_a_step_that_takes_too_long_fails(busy):
    bench, threads = busy
    bench.tick(14, seconds=5.0)
    assert threads.stopped.wait(5)
    run = now(bench.runs, bench.run_id)
    assert run.status is Status.FAILED
    assert run.current.error["code"] == "steps.timed_out"


def test_a_worker_that_ends_lets_another_go_on_at_once_and_nothing_counts_as_lost(busy):
    bench, threads = busy
    threading.Timer(0.05, threads.go.set).start()
    bench.worker.close(grace_s=0.0)
    after = now(bench.runs, bench.run_id)
    assert after.status in (Status.PENDING, Status.ENDED)
    assert after.steps[0].n_lost == 0
    bench.worker = bench.new_worker()
    bench.tick(2)
    assert now(bench.runs, bench.run_id).status is Status.ENDED


def test_a_worker_that_lost_its_lease_keeps_nothing(busy):
    bench, threads = busy
    bench.clock.advance(30.0)  # as if the process had been stopped
    other = bench.new_worker()
    threads.go.set()
    other.tick()
    other.tick()
    assert now(bench.runs, bench.run_id).status is Status.ENDED
    bench.tick(3)
    facts = [f.kind for f in bench.store.read(stream=f"run/{bench.run_id}")]
    assert facts.count("step.finished") == 1
    assert now(bench.runs, bench.run_id).steps[0].attempt == 2


def test_a_step_whose_process_ends_again_and_again_fails():
    bench = Bench(workflow(step("eat", lambda _: Done(Number(value=1)), retry=Retry(lost=3))))
    runs, run_id = started(bench)
    for _ in range(5):
        bench.worker = bench.new_worker(spawn=lambda *_: None)
        bench.tick()
        bench.clock.advance(11.0)
    run = now(runs, run_id)
    assert (run.status, run.current.error["code"]) == (Status.FAILED, "steps.lost")
    assert run.current.attempt == 4


def test_what_a_killed_attempt_said_last_is_kept():
    def act(context):
        context.log(f"words of {context.attempt}")
        return Done(Number(value=context.attempt))

    bench = Bench(workflow(step("eat", act)))
    runs, run_id = started(bench)
    bench.worker = bench.new_worker(spawn=lambda *_: None)
    bench.tick()
    bench.store.beat("step/sum/a", {"step": "eat", "attempt": 1, "lines": ["out of memory"]})
    bench.clock.advance(11.0)
    bench.worker = bench.new_worker()
    bench.tick(2)
    assert now(runs, run_id).steps[0].log == ("out of memory", "words of 2")


def test_a_run_of_an_older_workflow_stands_still_alone(caplog):
    world = World()
    bench = Bench(workflow(step("old", lambda _: Done(Number(value=1)))))
    runs, run_id = started(bench)
    bench.flow = adding(world)
    bench.worker = bench.new_worker()
    _, other = started(bench, key="b")
    bench.tick(20, seconds=5.0)
    assert now(runs, run_id).status is Status.PENDING
    assert "Cancel it and start another one" in caplog.text
    assert now(runs, other).outcome == "added"


def test_a_fact_nobody_knows_makes_one_run_unreadable(caplog):
    bench = Bench(adding(World()))
    runs, run_id = started(bench)
    bench.store.append("run/sum/a", [Draft(kind="step.danced")], expected=1)
    _, other = started(bench, key="b")
    bench.tick(20, seconds=5.0)
    runs.refresh()
    assert "danced" in str(runs.unreadable[run_id])
    assert now(runs, other).outcome == "added"


class Mortal:
    """A store in which the process is killed at the nth call, before or after it took effect."""

    def __init__(self, store, kill_at, *, after):
        self.store = store
        self.left = kill_at
        self.after = after
        self.dead = False

    def __getattr__(self, name):
        method = getattr(self.store, name)

        def call(*args, **kwargs):
            if self.dead:
                raise Killed
            self.left -= 1
            if self.left == 0 and not self.after:
                self.dead = True
                raise Killed
            result = method(*args, **kwargs)
            if self.left == 0:
                self.dead = True
                raise Killed
            return result

        return call


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=8), st.integers(0, 3))
def test_whenever_it_is_killed_the_end_is_the_same_and_each_effect_is_there_once(kills, polls):
    world = World()
    bench = Bench(adding(world, polls=polls))
    runs, run_id = started(bench)
    real = bench.store
    for kill_at, after in kills:
        bench.store = Mortal(real, kill_at, after=after)
        worker = bench.new_worker()
        try:
            for _ in range(12):
                worker.tick()
                bench.clock.advance(5.0)
        except Killed:
            bench.clock.advance(11.0)
        bench.store = real
    bench.worker = bench.new_worker()
    bench.tick(20, seconds=5.0)
    run = now(runs, run_id)
    assert (run.outcome, run.reason) == ("added", "it is 7")
    assert world.effects == {"sum/a/double": 6, "sum/a/wait": polls, "sum/a/add": 7}
    facts = [f.kind for f in real.read(stream="run/sum/a")]
    assert (facts.count("step.finished"), facts.count("run.ended")) == (3, 1)


@settings(max_examples=60)
@given(st.lists(st.sampled_from("012tT"), max_size=60))
def test_any_interleaving_of_three_workers_is_one_run(order):
    world = World()
    bench = Bench(adding(world))
    runs, run_id = started(bench)
    workers = [bench.new_worker() for _ in range(3)]
    for what in order:
        if what in "tT":
            bench.clock.advance(3.0 if what == "t" else 12.0)
        else:
            workers[int(what)].tick()
    bench.clock.advance(12.0)
    bench.tick(20, seconds=5.0)
    assert now(runs, run_id).outcome == "added"
    assert world.effects == {"sum/a/double": 6, "sum/a/wait": 2, "sum/a/add": 7}
    facts = [f.kind for f in bench.store.read(stream="run/sum/a")]
    assert (facts.count("step.finished"), facts.count("run.ended")) == (3, 1)


def test_a_store_that_is_down_for_a_while_loses_nothing(caplog):
    world = World()
    bench = Bench(adding(world))
    runs, run_id = started(bench)
    real, down = bench.store.append, [3]

    def append(*args, **kwargs):
        if down[0]:
            down[0] -= 1
            raise StoreUnavailable("The store is away.", remedy="Wait.")
        return real(*args, **kwargs)

    bench.store.append = append
    bench.tick(20, seconds=5.0)
    assert now(runs, run_id).outcome == "added"
    assert caplog.text.count("the store cannot be used") >= 1
