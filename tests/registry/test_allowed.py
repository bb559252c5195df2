"""The list of allowed imports opens nothing it does not mean to."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from seatrial.adapters.picklescan import dangerous
from seatrial.registry import allowed
from seatrial.registry.allowed import Import, is_allowed, named


def test_every_listed_ufunc_is_one() -> None:
    assert all(isinstance(getattr(np, name), np.ufunc) for name in allowed.UFUNCS)


def test_picklescan_calls_nothing_on_the_list_dangerous() -> None:
    assert dangerous(allowed._EXACT) == frozenset()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # numpy.core, for older pickles
def test_every_listed_import_is_a_class_or_a_callable() -> None:
    for wanted in allowed._EXACT:
        try:
            module = importlib.import_module(wanted.module)
        except ModuleNotFoundError:
            continue  # the spelling of another version
        found = getattr(module, wanted.name, None)
        assert found is None or callable(found), wanted


@pytest.mark.parametrize(
    "module",
    [
        "sklearn",
        "sklearn.base",
        "sklearn.datasets",
        "sklearn.externals.x",
        "sklearn.utils._testing",
        "sklearnx.tree",
        "xsklearn.tree",
        "sklearn.treex",
        "os.sklearn.tree",
    ],
)
def test_classes_outside_the_model_packages_are_not_allowed(module: str) -> None:
    assert not is_allowed(Import(module, "Tree"))


@pytest.mark.parametrize("name", ["Tree.x", "tree", "load", "Tree\n", "os", "newObj2", "", "Ä"])
def test_only_class_shaped_names_are_allowed_in_model_packages(name: str) -> None:
    assert not is_allowed(Import("sklearn.tree", name))


def test_python_2_names_mean_their_python_3_ones() -> None:
    assert named("__builtin__", "object") == Import("builtins", "object")
    assert named("copy_reg", "_reconstructor") == Import("copyreg", "_reconstructor")
