"""What searches must do: the suite for `training.search.searcher.Searcher`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from seatrial.training.search.searcher import End, Plan, Pruner, Searcher
from seatrial.training.search.space import Choice, Real, Whole

OpenSearcher = Callable[[Plan], Searcher]

PLAN = Plan(
    name="churn-1",
    metric="loss",
    maximize=False,
    space={
        "lr": Real(low=1e-5, high=1.0, log=True),
        "share": Real(low=0.0, high=1.0),
        "depth": Whole(low=2, high=8, step=2),
        "kind": Choice(values=("a", None, 3, True)),
    },
    n_trials=20,
    timeout_s=None,
    pruner=Pruner.NONE,
    warmup_steps=0,
    seed=1,
)


class SearcherSuite:
    """Subclass it as ``Test...`` with a fixture ``opened``, which opens the search of a plan, and
    the same one when it is called again."""

    def test_what_is_proposed_is_within_the_space(self, opened: OpenSearcher) -> None:
        """In the types of the space."""
        searcher = opened(PLAN)
        for number in range(12):
            trial = searcher.ask()
            assert trial.number == number
            assert trial.parameters.keys() == PLAN.space.keys()
            lr, depth = trial.parameters["lr"], trial.parameters["depth"]
            assert isinstance(lr, float)
            assert 1e-5 <= lr <= 1
            assert depth in (2, 4, 6, 8)
            assert trial.parameters["kind"] in ("a", None, 3, True)
            searcher.tell(number, End.DONE, lr)

    def test_a_seed_proposes_the_same_again(self, opened: OpenSearcher) -> None:
        """So that a search can be repeated."""
        first = opened(PLAN).ask()
        other = opened(replace(PLAN, name="churn-2")).ask()
        third = opened(replace(PLAN, name="churn-3", seed=2)).ask()
        assert first.parameters == other.parameters != third.parameters

    def test_the_best_is_the_least_or_the_greatest(self, opened: OpenSearcher) -> None:
        """Of trials that are done alone."""
        for name, maximize, best in (("down", False, 1), ("up", True, 2)):
            searcher = opened(replace(PLAN, name=name, maximize=maximize))
            assert searcher.tally().best is None
            for value in (0.5, 0.1, 0.9):
                searcher.tell(searcher.ask().number, End.DONE, value)
            pruned, failed = searcher.ask().number, searcher.ask().number
            searcher.tell(pruned, End.PRUNED)
            searcher.tell(failed, End.FAILED)
            tally = searcher.tally()
            assert (tally.best, tally.value) == (best, 0.9 if maximize else 0.1)
            ends = [End.DONE, End.DONE, End.DONE, End.PRUNED, End.FAILED]
            assert dict(tally.ended) == dict(enumerate(ends))

    def test_a_search_goes_on_where_it_was_killed(self, opened: OpenSearcher) -> None:
        """What was under way is proposed again under another number, and counts once."""
        first = opened(PLAN)
        first.tell(first.ask().number, End.DONE, 0.5)
        lost = first.ask()
        again = opened(PLAN)
        assert dict(again.tally().ended) == {0: End.DONE}
        trial = again.ask()
        assert (trial.number, trial.parameters) == (2, lost.parameters)
        again.tell(trial.number, End.DONE, 0.1)
        following = again.ask()
        assert following.number == 3
        assert following.parameters != lost.parameters
        tally = again.tally()
        assert dict(tally.ended) == {0: End.DONE, 2: End.DONE}
        assert tally.best == 2

    def test_steps_are_reported_and_nothing_is_pruned_without_a_pruner(
        self, opened: OpenSearcher
    ) -> None:
        """The same step twice is no error."""
        searcher = opened(PLAN)
        number = searcher.ask().number
        assert not any(searcher.report(number, step, 9.0) for step in (0, 1, 1, 2))
        searcher.tell(number, End.DONE, 9.0)
