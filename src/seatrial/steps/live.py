"""What a step says while it runs: progress and the last lines of its log, for who looks on.

Kept as presence, once per run: bounded, and forgotten when nobody needs it any more. What an
attempt said last is kept with the fact that ends it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

from seatrial.kernel.store import Presence
from seatrial.steps.run import KEPT_LINES

PREFIX = "step/"

_LINES = 200
_LINE_CHARACTERS = 2000
_KEPT_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The newest word of a step.

    Args:
        step, attempt: which.
        share: how much is done, in [0, 1]; None when not known.
        note: what it does.
        lines: of its log, the newest last.
        age_s: seconds since.
    """

    step: str
    attempt: int
    share: float | None
    note: str
    lines: tuple[str, ...]
    age_s: float = 0.0


def watch(presence: Presence, run_id: str) -> Live | None:
    """What the step of a run said last, or None when none speaks.   Raises: StoreUnavailable."""
    for beat in presence.present(PREFIX + run_id, within_s=_KEPT_S):
        if beat.name == PREFIX + run_id:
            return _live(beat.data, beat.age_s)
    return None


def _live(data: Mapping[str, object], age_s: float) -> Live:
    share, lines, attempt = data.get("share"), data.get("lines"), data.get("attempt")
    return Live(
        step=str(data.get("step", "")),
        attempt=attempt if isinstance(attempt, int) else 0,
        share=share if isinstance(share, float) else None,
        note=str(data.get("note", "")),
        lines=tuple(map(str, lines)) if isinstance(lines, list) else (),
        age_s=age_s,
    )


class Notes:
    """What a step says; written by its thread, read by the worker's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._share: float | None = None
        self._note = ""

    def say(self, text: str) -> None:
        """Keep the lines of a text, shortened where they are long."""
        with self._lock:
            self._lines.extend(clean_text(line) for line in text.splitlines())

    def progress(self, share: float | None, note: str) -> None:
        """How much is done, cut to [0, 1], and what is done now."""
        with self._lock:
            self._share = None if share is None or isnan(share) else min(1.0, max(0.0, share))
            self._note = clean_text(note)

    def last_words(self) -> tuple[str, ...]:
        """The lines worth keeping when it is over."""
        with self._lock:
            return tuple(self._lines)[-KEPT_LINES:]

    def beat(self, step: str, attempt: int) -> dict[str, object]:
        """The record for those who look on."""
        with self._lock:
            return {
                "step": step,
                "attempt": attempt,
                "share": None if self._share is None else float(self._share),
                "note": self._note,
                "lines": list(self._lines),
            }


def clean_text(text: str) -> str:
    """A text as it can be stored: bounded, and without halves of characters."""
    return text.encode("utf-8", "replace").decode()[:_LINE_CHARACTERS]
