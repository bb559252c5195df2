"""Orders that can be trained, and those that cannot."""

import pytest

from seatrial.training.runs.failures import BadOrder
from seatrial.training.runs.order import TrainingOrder


@pytest.mark.parametrize("id_", ["a", "retrain-7.2", "A_b.c-d", "x" * 100])
def test_an_id_is_the_name_of_a_folder(id_):
    assert TrainingOrder(id=id_, recipe="churn").id == id_


@pytest.mark.parametrize("id_", ["", ".", "../x", "a/b", "-x", "a b", "x" * 101, "é", "a\n"])
def test_other_ids_are_refused(id_):
    with pytest.raises(BadOrder, match="no id of a run"):
        TrainingOrder(id=id_, recipe="churn")


def test_either_a_recipe_or_a_command_is_named():
    with pytest.raises(BadOrder, match="Neither"):
        TrainingOrder(id="a")
    with pytest.raises(BadOrder, match="Both the recipe 'churn' and a command"):
        TrainingOrder(id="a", recipe="churn", command=("x",))
