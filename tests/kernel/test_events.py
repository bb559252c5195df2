from dataclasses import FrozenInstanceError

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.kernel.events import Draft


@pytest.mark.parametrize("wrong", [{"kind": ""}, {"kind": "a\nb"}, {"by": ""}, {"schema": 0}])
def test_a_draft_needs_a_kind_an_author_and_a_schema(wrong):
    with pytest.raises(Invalid):
        Draft(**{"kind": "release.started", **wrong})


def test_a_draft_does_not_change():
    with pytest.raises(FrozenInstanceError):
        Draft(kind="release.started").kind = "other"  # type: ignore[misc]
