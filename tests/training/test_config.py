"""The section `training` of seatrial.yaml."""

import pytest

from seatrial.kernel.config import ConfigInvalid, validated
from seatrial.training.config import TrainingConfig
from seatrial.training.search.searcher import Pruner
from seatrial.training.search.space import Choice, Real, Whole


def recipes(**recipe):
    return validated(TrainingConfig, {"recipes": {"churn": recipe}}, "test").recipes["churn"]


def test_a_command_is_a_list_or_a_text_that_is_split():
    assert recipes(command="python train.py --lr {lr}").command == (
        "python",
        "train.py",
        "--lr",
        "{lr}",
    )
    assert recipes(command=["a b", "c"]).command == ("a b", "c")


def test_durations_are_texts_or_seconds():
    recipe = recipes(function="t.py:f", limits={"time": "90s", "memory_mib": 512})
    assert (recipe.limits.time, recipe.limits.memory_mib) == (90.0, 512)


def test_a_function_may_bear_any_name_that_python_takes():
    assert recipes(function="训练.py:训练").function == "训练.py:训练"


def test_a_search_becomes_a_plan():
    space = {
        "lr": {"kind": "float", "low": 1e-5, "high": 1.0, "log": True},
        "depth": {"kind": "int", "low": 2, "high": 8},
        "loss": {"kind": "choice", "values": ["hinge", None, 3, True]},
    }
    search = {"metric": "auc", "direction": "maximize", "space": space, "pruner": "hyperband"}
    plan = recipes(function="t.py:f", search=search | {"timeout": "10m"}).search.plan("s")
    assert plan.space == {
        "lr": Real(low=1e-5, high=1.0, log=True),
        "depth": Whole(low=2, high=8),
        "loss": Choice(values=("hinge", None, 3, True)),
    }
    assert (plan.maximize, plan.pruner, plan.timeout_s) == (True, Pruner.HYPERBAND, 600.0)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({}, "either function or command"),
        ({"function": "t.py:f", "command": "x"}, "either function or command"),
        ({"function": "t.py"}, "function"),
        ({"command": []}, "command"),
        ({"command": "'unclosed"}, "No closing quotation"),
        ({"function": "t.py:f", "parameter": {}}, "did you mean 'parameters'"),
        ({"function": "t.py:f", "limits": {"time": 0}}, "limits.time"),
        ({"function": "t.py:f", "limits": {"time": "soon"}}, "not a duration"),
        (
            {"function": "t.py:f", "search": {"metric": "m", "space": {"x": {"kind": "intt"}}}},
            "intt",
        ),
        (
            {
                "function": "t.py:f",
                "search": {"metric": "m", "space": {"x": {"kind": "int", "low": 3, "high": 2}}},
            },
            "low is 3, over high",
        ),
        (
            {
                "function": "t.py:f",
                "search": {
                    "metric": "m",
                    "space": {"x": {"kind": "float", "low": 0, "high": 2, "log": True}},
                },
            },
            "has to be over 0",
        ),
        ({"function": "t.py:f", "search": {"metric": "m", "space": {}}}, "search.space"),
    ],
)
def test_what_is_wrong_is_said(recipe, said):
    with pytest.raises(ConfigInvalid, match=said):
        recipes(**recipe)


def test_a_tracker_that_nobody_knows_is_refused():
    with pytest.raises(ConfigInvalid, match="trackers"):
        validated(TrainingConfig, {"trackers": ["comet"]}, "test")
