"""Has the mean of a vector moved? A domain classifier's evidence, gathered window by window.

Of every window come the sums of two halves (`vector_counts.Moments`), taken one after the other as
blocks. Let D be the mean of a block less the mean of all rows of that half so far: reference and
windows, for as long as nothing has alarmed. A classifier learns a direction w from the D of the
blocks before, and is put to the test on this one: z = w D / (s sqrt(1 / m + 1 / N)), for m rows of
the block, N before it and s the standard deviation of w x. For several sizes a its e-value is
exp(a z) over what that is on average, and evidence goes on as in `edetector`: M = (M + 1) e.

**The reference is finite**, and its error is the same in every window. Whoever compares each window
with the reference alone gathers that error until an alarm. But D is of a block and what came
*before*: for rows drawn alike, Cov(D, D') = 0 between any two blocks (Helmert's contrasts),
whatever the reference happened to be; and w is a function of earlier D alone, never of the means
themselves. So for blocks large enough for means to be normal the z are independent standard normal
numbers, given all earlier z, *over reference and windows together*: no slack is needed, and each
quiet window makes the reference larger. (They are the invariants of the group of translations:
Perez-Ortiz et al. 2024, "E-statistics, group invariance and anytime-valid testing", Ann. Statist.
52:1410.)

**What is not exact.** s, and the skew and tails of w x, are estimated from kept rows of the
reference: exp(a z) is divided by their empirical moment-generating function, its logarithm made
larger by two standard errors of a variance. A mean over few rows is not normal; sizes that reach
further than the rows allow are left out by that same function.

**Beside other columns.** The histograms' evidence has mean <= 1 given all data before, this one's
given its own contrasts. Each alone keeps the promise P(alarm within t windows) <= t / B; their
average is at least B only where one of the two is, each by its own weight, at least B / 2: so
together the chance is at most 2 t / B, which the margin of 3 that is asked for more than pays.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from seatrial.stats.detector_state import LEAST_LOG
from seatrial.stats.domain_classifier import VIEWS, DomainReference, variance
from seatrial.stats.mean_state import MeanState
from seatrial.stats.vector_counts import Moments
from seatrial.stats.whole_vectors import Floats

MEMORY = (0.0, 0.75, 0.97)
"""How much of what a classifier has learned stays after each window."""

SIZES = (0.5, 1.0, 2.0, 4.0)
"""Of a shift of the mean score, in standard errors of a block: what an e-value is best at."""

_COMPONENTS = [(view, i) for view in range(len(VIEWS)) for i in range(len(MEMORY))]
_FULL_WINDOW = 100
_STANDARD_ERRORS = 2.0
_TAILS = (2.0, 20.0)


class MeanDetector:
    """The fixed part. Immutable.

    Args: ``reference``, with `DomainReference.enough` rows.
    """

    def __init__(self, reference: DomainReference) -> None:
        self._reference = reference
        self._log_weight = -math.log(len(_COMPONENTS) * len(SIZES))

    @property
    def reference(self) -> DomainReference:
        """What windows are compared with."""
        return self._reference

    def start(self) -> MeanState:
        """No window yet, no evidence."""
        shape = (len(_COMPONENTS), len(SIZES))
        none = Moments.none(self._reference.width)
        return MeanState(
            log_evidence=np.full(shape, LEAST_LOG),
            log_run=np.full(shape, -1.0),
            since=np.zeros(shape, np.int64),
            trend=np.zeros((len(VIEWS), len(MEMORY), self._reference.width)),
            learned=none,
            recent=none,
        )

    def step(self, state: MeanState, window: Moments, *, number: int, log_most: float) -> MeanState:
        """Take in one window. It becomes part of the reference only by `learning`.

        Args:
            window: of its rows, in the reference's units; without any the state stays as it is.
            number: of the window, counted from 0.
            log_most: evidence is cut at exp(log_most), so that a repaired drift is over soon.
        """
        n = int(window.n.sum())
        if not n:
            return state
        pool = self._reference.moments + state.learned
        trend, log_e = state.trend.copy(), np.zeros(state.log_evidence.shape)
        for half in range(2):
            self._block(half, window, pool, trend, log_e)
        trend *= np.array(MEMORY)[:, None]
        log_new = math.log(min(n / _FULL_WINDOW, 1.0))
        sums = np.logaddexp(state.log_evidence, log_new) + log_e
        over = max(float(np.logaddexp.reduce(sums, axis=None)) + self._log_weight - log_most, 0.0)
        run = np.maximum(state.log_run, 0.0) + log_e - over
        return replace(
            state,
            log_evidence=np.maximum(sums - over, LEAST_LOG),
            log_run=np.maximum(run, LEAST_LOG),
            since=np.where(state.log_run <= 0, number, state.since),
            trend=trend,
        )

    def learning(self, state: MeanState, window: Moments) -> MeanState:
        """The state with a window that is taken to be like the reference."""
        return replace(state, learned=state.learned + window)

    def log_evidence(self, state: MeanState) -> float:
        """Natural log of the average over views, directions and sizes."""
        total = float(np.logaddexp.reduce(state.log_evidence, axis=None))
        return max(total + self._log_weight, LEAST_LOG)

    def since(self, state: MeanState) -> int:
        """Number of the window at which the change most likely began."""
        return int(state.since.flat[int(state.log_evidence.argmax())])

    def separation(self, state: MeanState) -> tuple[str, float] | None:
        """How far the rows since the evidence rose are from the reference.

        Returns: the view in which they are farther; the squared distance of the mean scores, in
            variances of a score, each half's direction tried on the other, >= 0. None without rows.
        """
        recent, then = state.recent, self._reference.moments
        if (recent.n == 0).any():
            return None
        shifts = recent.means - then.means
        found = []
        for view, name in enumerate(VIEWS):
            parts = []
            for half in range(2):
                direction = self._reference.direction(view, shifts[half, view])
                moved = float(direction @ shifts[1 - half, view])
                parts.append(
                    max(moved, 0.0) ** 2 / max(self._score_variance(view, direction), 1e-300)
                )
            found.append((name, sum(parts) / len(parts)))
        return max(found, key=lambda one: one[1])

    def _block(
        self, half: int, window: Moments, pool: Moments, trend: Floats, log_e: Floats
    ) -> None:
        """One half of a window: test what was learned, and learn."""
        m, before = int(window.n[half]), int(pool.n[half])
        if not m or not before:
            return
        shift = window.means[half] - pool.means[half]
        for i, (view, memory) in enumerate(_COMPONENTS):
            learned = trend[view, memory]
            if learned.any():
                log_e[i] += self._log_e(view, learned, shift[view], m, before)
        trend += m * before / (m + before) * shift[:, None, :]

    def _log_e(self, view: int, learned: Floats, shift: Floats, m: int, before: int) -> Floats:
        """Of each size, shape (s,)."""
        direction = self._reference.direction(view, learned)
        scores, rows = self._reference.scores(view, direction)
        shares = rows / rows.sum()
        centred = scores - float(shares @ scores)
        sampled = float(shares @ centred**2)
        spread = max(sampled, self._reference.variance(view, direction))
        if not spread > 0:
            return np.zeros(len(SIZES))
        tails = float(shares @ centred**4) / max(sampled**2, 1e-300)
        n = 1 / float(shares @ shares)
        wider = 1 + _STANDARD_ERRORS * math.sqrt((min(max(tails, _TAILS[0]), _TAILS[1]) - 1) / n)
        # Sample scores as wide as the covariance says.
        centred *= math.sqrt(spread / max(sampled, 1e-300)) if sampled > 0 else 0.0
        error = math.sqrt(spread * (1 / m + 1 / before))
        tilts = np.array(SIZES) / (error * m)
        of_rows = np.log(np.exp(np.outer(tilts, centred)) @ shares) * m
        of_pool = (tilts * m) ** 2 * spread / before / 2
        gain: Floats = tilts * m * float(direction @ shift) - wider * (of_rows + of_pool)
        return gain

    def _score_variance(self, view: int, direction: Floats) -> float:
        scores, rows = self._reference.scores(view, direction)
        return max(variance(scores, rows), self._reference.variance(view, direction))
