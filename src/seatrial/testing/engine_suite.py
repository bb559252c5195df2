"""What an engine in this process must do: the suite for `serving.engine.Engine`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy as np

from seatrial.registry.signature import Batch, Prediction, Signature, concatenate, n_rows, take
from seatrial.serving.engine import Engine


class EngineSuite:
    """Subclass it as ``Test...`` with fixtures ``engine``, ``signature`` and ``batch``.

    ``batch`` fits the signature and has at least four rows.
    """

    def test_answers_are_those_of_the_signature(
        self, engine: Engine, signature: Signature, batch: Batch
    ) -> None:
        """Names, dtypes and shapes; n rows in, n rows out."""
        for rows in (batch, take(batch, slice(0, 1))):
            answer = engine.predict(rows)
            assert list(answer) == [o.name for o in signature.outputs]
            for output in signature.outputs:
                values = answer[output.name]
                assert values.dtype == output.dtype.numpy
                width = output.row_shape
                assert values.shape == (n_rows(rows), *width)

    def test_a_row_is_answered_alike_in_any_company(self, engine: Engine, batch: Batch) -> None:
        """Alone, in reverse order, or twice: merging requests must change no answer."""
        whole = engine.predict(batch)
        backwards = np.arange(n_rows(batch))[::-1]
        _assert_same(engine.predict(take(batch, backwards)), _taken(whole, backwards))
        _assert_same(
            engine.predict(concatenate([batch, batch])),
            {name: np.concatenate([v, v]) for name, v in whole.items()},
        )
        _assert_same(engine.predict(take(batch, slice(2, 3))), _taken(whole, np.array([2])))

    def test_rows_that_do_not_lie_side_by_side_in_memory_are_read_right(
        self, engine: Engine, batch: Batch
    ) -> None:
        """A batch may be a view of a larger one."""
        every_other = np.arange(0, n_rows(batch), 2)
        answer = engine.predict(take(batch, slice(None, None, 2)))
        _assert_same(answer, _taken(engine.predict(batch), every_other))

    def test_the_batch_stays_as_it_was(self, engine: Engine, batch: Batch) -> None:
        """The same rows may go to a shadow and to the log."""
        before = deepcopy(batch)
        engine.predict(batch)
        np.testing.assert_equal(batch, before)

    def test_threads_may_share_it(self, engine: Engine, batch: Batch) -> None:
        """Long batches run in a thread while short ones run on the event loop."""
        rows = [take(batch, slice(i % 3, None)) for i in range(60)]
        alone = [engine.predict(r) for r in rows]
        with ThreadPoolExecutor(4) as pool:
            for together, answer in zip(pool.map(engine.predict, rows), alone, strict=True):
                _assert_same(together, answer)


def _taken(prediction: Prediction, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Prediction:
    return {name: values[rows] for name, values in prediction.items()}


def _assert_same(one: Prediction, other: Prediction) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        if values.dtype.kind == "f":  # sums may be taken in another order
            wanted = other[name].astype(np.float64)
            np.testing.assert_allclose(values.astype(np.float64), wanted, rtol=1e-5, atol=1e-6)
        else:
            assert values.tolist() == other[name].tolist()
