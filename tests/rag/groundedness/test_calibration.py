import pytest

from seatrial.rag.groundedness.calibration import LabelledSentence, LabelsTooFew, calibrate
from seatrial.rag.groundedness.check import Groundedness
from seatrial.rag.groundedness.verdict import Support

CREATURES = [
    "fox",
    "wolf",
    "heron",
    "otter",
    "badger",
    "falcon",
    "salmon",
    "beaver",
    "lynx",
    "stoat",
]


def labelled(n):
    """Half of them say what the passage says, half something else."""
    found = []
    for i in range(n):
        creature, other = CREATURES[i % 10], CREATURES[(i + 3) % 10]
        passage = f"The {creature} of valley {i} hunts by night near the old mill."
        found += [
            LabelledSentence(
                sentence=f"By night the {creature} hunts near the mill.",
                passages=(passage,),
                supported=True,
            ),
            LabelledSentence(
                sentence=f"The {other} builds nests from copper wire.",
                passages=(passage,),
                supported=False,
            ),
        ]
    return found


def test_a_profile_is_learnt_from_a_users_labels_and_judges_by_them():
    made = calibrate(labelled(30), name="creatures", fitted_on="60 sentences on creatures")
    assert made.name == "creatures"
    assert made.n == 60
    assert made.share_supported == made.threshold == 0.5
    assert made.figures is not None
    assert made.figures.auc[0] > 0.99
    good, bad = Groundedness(made).check(
        ["The moth hunts near the mill by night.", "The moth sings opera in copper shoes."],
        ["The moth hunts by night near the old mill."],
    )
    assert good.support is Support.SUPPORTED
    assert bad.support is Support.UNSUPPORTED


def test_the_same_labels_make_the_same_profile():
    rows = labelled(15)
    assert calibrate(rows, name="a", fitted_on="b") == calibrate(rows, name="a", fitted_on="b")


def test_few_labels_are_warned_of_and_enough_are_not():
    few = calibrate(labelled(12), name="a", fitted_on="b")
    assert few.warning is not None
    assert "12 labels" in few.warning
    assert calibrate(labelled(60), name="a", fitted_on="b").warning is None


@pytest.mark.parametrize("rows", [[], labelled(9), [one for one in labelled(40) if one.supported]])
def test_too_few_to_learn_from_are_refused(rows):
    with pytest.raises(LabelsTooFew, match=f"There are {len(rows)} labels"):
        calibrate(rows, name="a", fitted_on="b")


class Model:
    """An entailment model that knows."""

    name = "made"

    def probabilities(self, pairs):
        return [0.9 if "mill" in claim else 0.1 for _, claim in pairs]


def test_an_entailment_model_gets_a_weight_of_its_own():
    made = calibrate(labelled(20), name="a", fitted_on="b", entailment=Model())
    assert made.entailment is not None
    assert made.entailment > 0
    values = {"cover": 0.5}
    assert made.score(values, 0.9) > made.score(values, 0.1)
