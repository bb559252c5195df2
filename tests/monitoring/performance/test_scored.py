"""Predictions as they are judged."""

import pytest

from seatrial.monitoring.performance.scored import BadLabels, Scored, together
from seatrial.testing.pending_suite import scored


def test_parts_of_predictions_that_differ_in_length_are_refused() -> None:
    rows = scored(("a", 1, 1), ("b", 2, 1))
    with pytest.raises(BadLabels, match="1 values of score for 2 predictions"):
        Scored(
            ids=rows.ids,
            at_us=rows.at_us,
            step=rows.step,
            predicted=rows.predicted,
            score=rows.score[:1],
            audited=rows.audited,
            label=rows.label,
        )


def test_batches_are_one_and_none_are_nothing() -> None:
    both = together([scored(("a", 1, 1)), scored(("b", 2, 2), ("c", 3, 3))])
    assert (both.ids, both.step.tolist()) == (("a", "b", "c"), [1, 2, 3])
    assert len(together([])) == 0
