"""Why a training came to nothing, as an error that says what to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.size import show_size
from seatrial.training.runs import failures
from seatrial.training.runs.process import Ended, Job, Why
from seatrial.training.runs.run import Point

_KILLED = (-9, -15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Makes the errors of one run.

    Args:
        job: that was run.
        run: its id.
        odd: the first point that is not finite, or None.
        failed: what the program said of its failure, or None.
    """

    job: Job
    run: str
    odd: Point | None
    failed: Mapping[str, Any] | None

    def of(self, ended: Ended, *, last: Callable[[], str]) -> SeatrialError | None:
        """What is to blame, or None where nothing is.

        Args: last: the last line that the program printed.
        """
        by_why: dict[Why | None, Callable[[], SeatrialError | None]] = {
            Why.TIME: self._out_of_time,
            Why.MEMORY: lambda: self._out_of_memory(ended.peak_bytes),
            Why.LOST: self._lost,
            Why.PRUNED: lambda: None,
        }
        if ended.why in by_why:
            return by_why[ended.why]()
        if self.odd is not None:
            return self._not_finite(self.odd)
        if self.failed is not None:
            return self._said(self.failed)
        return None if ended.code == 0 else self._crashed(ended.code, last())

    def without_model(self, found: Sequence[str]) -> SeatrialError:
        """For a program that ended well.

        Args: found: files that could be the model; none, or several.
        """
        by_command = bool(self.job.command)
        place = "$SEATRIAL_OUT/model.* (with one ending)" if by_command else "out / 'model.pkl'"
        return failures.NoModel(
            f"The training ended well and left {len(found)} models: {', '.join(found)}."
            if found
            else "The training ended well and left no model.",
            remedy=f"Write one model to {place}"
            + ("." if by_command else ", or return it or its path."),
            **self._facts(),
        )

    def _facts(self) -> dict[str, object]:
        return {"run": self.run, "log": str(self.job.log)}

    def _out_of_time(self) -> SeatrialError:
        return failures.TrainingTimedOut(
            f"The training took longer than {show_duration(self.job.time_s)} and was ended.",
            remedy="Raise limits.time of the recipe, or let it do less.",
            **self._facts(),
        )

    def _out_of_memory(self, peak: int) -> SeatrialError:
        used = f" ({show_size(peak)})" if peak else ""
        return failures.TrainingOutOfMemory(
            f"The training wanted more memory{used} than the {show_size(self.job.memory_bytes)} "
            "it may use, and was ended.",
            remedy="Raise limits.memory_mib of the recipe, or let it read less at once.",
            **self._facts(),
        )

    def _lost(self) -> SeatrialError:
        return failures.TrainingInterrupted(
            "Another process has taken the run over.", remedy="Look at that one.", **self._facts()
        )

    def _not_finite(self, odd: Point) -> SeatrialError:
        at = "" if odd.step is None else f" at step {odd.step:,}"
        return failures.NotFinite(
            f"The metric {odd.metric!r} is {odd.value}{at}: the training was ended.",
            remedy="Look for inputs that are missing or huge, or lower the learning rate; leave a "
            "metric out where it is not defined.",
            metric=odd.metric,
            **self._facts(),
        )

    def _said(self, failed: Mapping[str, Any]) -> SeatrialError:
        match failed["kind"]:
            case "bad_function":
                return failures.BadFunction(
                    failed["problem"], remedy=failed["remedy"], **self._facts()
                )
            case "bad_parameter":
                return failures.BadParameter(
                    failed["problem"], remedy=failed["remedy"], **self._facts()
                )
            case "out_of_memory":
                return self._out_of_memory(0)
        at = f" ({failed['at']})" if failed["at"] else ""
        return failures.TrainingCrashed(
            f"The training raised {failed['last']}{at}.",
            remedy=f"Read the whole of it in {self.job.log}.",
            **self._facts(),
        )

    def _crashed(self, code: int, last: str) -> SeatrialError:
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        if code in _KILLED:
            return failures.TrainingInterrupted(
                f"The training was ended from outside, by {how}.",
                remedy="Train again; where memory ran out the system may have ended it.",
                **self._facts(),
            )
        return failures.TrainingCrashed(
            f"The training ended with {how}, and said last: {last}",
            remedy=f"Read what it printed in {self.job.log}.",
            **self._facts(),
        )
