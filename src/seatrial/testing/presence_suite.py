"""What presence must do: the suite for `kernel.store.Presence`."""

from __future__ import annotations

import time

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import Presence

_SHORT_S = 0.02


class PresenceSuite:
    """Subclass it as ``Test...`` with a fixture ``store`` that yields an empty one."""

    def pass_time(self, seconds: float) -> None:
        """Let time pass on the store's clock; override it when the clock is a fake."""
        time.sleep(seconds)

    def test_nobody_is_present_at_first(self, store: Presence) -> None:
        """An empty store knows no process."""
        assert store.present() == []

    def test_the_newest_word_of_each_name_is_kept(self, store: Presence) -> None:
        """A beat replaces the one before."""
        store.beat("worker/1", {"applied": {"模": 3}})
        store.beat("worker/2", {})
        store.beat("worker/1", {"applied": {"模": 4}})
        said = {beat.name: beat.data for beat in store.present()}
        assert said == {"worker/1": {"applied": {"模": 4}}, "worker/2": {}}

    def test_names_are_found_by_prefix_in_order(self, store: Presence) -> None:
        """The prefix is text, not a pattern."""
        for name in ("worker/b", "worker/a", "controller", "work_r/x"):
            store.beat(name, {})
        assert [b.name for b in store.present("worker/")] == ["worker/a", "worker/b"]
        assert [b.name for b in store.present("work_")] == ["work_r/x"]

    def test_a_silent_process_is_no_longer_present(self, store: Presence) -> None:
        """Only beats at most ``within_s`` old count; speaking again brings one back."""
        store.beat("worker/1", {})
        self.pass_time(_SHORT_S * 1.5)
        assert store.present(within_s=_SHORT_S) == []
        (late,) = store.present(within_s=60)
        assert late.age_s >= _SHORT_S
        store.beat("worker/1", {})
        assert store.present(within_s=60)[0].age_s < late.age_s + 60

    def test_ages_are_never_negative(self, store: Presence) -> None:
        """A beat of this moment is zero old or a little more."""
        store.beat("worker/1", {})
        assert store.present()[0].age_s >= 0

    def test_a_forgotten_name_is_gone(self, store: Presence) -> None:
        """And forgetting an unknown one does nothing."""
        store.beat("worker/1", {})
        store.forget("worker/1")
        store.forget("worker/1")
        assert store.present() == []

    def test_what_is_said_is_plain_data_under_a_printable_name(self, store: Presence) -> None:
        """As everywhere in the store."""
        with pytest.raises(Invalid, match=r"beat of worker/1\.p95"):
            store.beat("worker/1", {"p95": float("nan")})
        with pytest.raises(Invalid):
            store.beat("", {})
        assert store.present() == []
