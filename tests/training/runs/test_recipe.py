"""Commands with braces, and the digest of what is trained on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.training.runs.failures import BadParameter
from seatrial.training.runs.recipe import data_digest, filled, named
from seatrial.training.runs.run import DataFile


def test_braces_are_filled_with_values():
    command = ("python", "train.py", "--lr={lr}", "{data}", "{deep}")
    values = {"lr": 0.1, "data": "/rows.csv", "deep": True}
    assert filled(command, values) == ("python", "train.py", "--lr=0.1", "/rows.csv", "true")
    assert named(command) == {"lr", "data", "deep"}


def test_braces_that_mean_themselves_stay():
    command = ("sh", "-c", 'echo {} {a:b} {a.b} {"x": {"y": 1}} ${lr} {{')
    assert filled(command, {}) == command
    assert named(command) == set()
    assert filled(('{{lr}} {lr} {"x": {}}',), {"lr": 1}) == ('{lr} 1 {"x": {}}',)


def test_a_name_without_a_value_is_refused_with_the_nearest():
    with pytest.raises(BadParameter, match=r"\{alhpa\}.*Did you mean 'alpha'") as refused:
        filled(("{alhpa}",), {"alpha": 1, "data": None})
    assert "--set alhpa=VALUE" in refused.value.remedy


@settings(max_examples=50)
@given(st.lists(st.text(alphabet="{}a:.! ", max_size=12), max_size=3))
def test_no_command_breaks_the_reading_of_braces(command):
    named(command)


def of(role, sha):
    return DataFile(role=role, path="/x", sha256=sha, n_bytes=1)


def test_the_digest_is_of_what_is_trained_on_alone():
    assert data_digest([]) is None
    assert data_digest([of("holdout", "h")]) is None
    assert data_digest([of("data", "d"), of("holdout", "h")]) == "d"
    two = data_digest([of("data", "d"), of("more_data", "m")])
    assert two not in (None, "d", "m")
    assert two != data_digest([of("data", "m"), of("more_data", "d")])
