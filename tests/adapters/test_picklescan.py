"""The second opinion answers for any name, spelled however."""

from __future__ import annotations

from seatrial.adapters.picklescan import dangerous
from seatrial.registry.allowed import Import


def test_known_dangers_are_named_and_models_are_not() -> None:
    asked = [Import("os", "system"), Import("numpy", "log"), Import("sklearn.svm._classes", "SVC")]
    assert dangerous(asked) == {Import("os", "system")}


def test_names_that_no_pickle_line_can_hold_count_as_dangerous() -> None:
    odd = [Import("a b", "c"), Import("a", "b\nc"), Import("", "x"), Import("mod", "näme")]
    assert dangerous(odd) == set(odd)


def test_nothing_asked_is_nothing_dangerous() -> None:
    assert dangerous([]) == frozenset()
