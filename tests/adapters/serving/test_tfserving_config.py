"""TF Serving's list of models: versions and labels are added, and nothing is taken out."""

from __future__ import annotations

import pytest

from seatrial.adapters.serving.tfserving_config import MARK, Listed, NotOurs, with_version


def listed(text: str, version: int, name: str = "churn") -> Listed:
    return with_version(text, name=name, base_path=f"/srv/{name}", version=version)


def plain(text: str) -> str:
    return " ".join(text.removeprefix(MARK).split())


def test_the_first_version_is_stable_the_second_canary_and_a_third_waits() -> None:
    first = listed("", 1)
    assert (first.label, first.text.partition("\n")[0]) == ("stable", MARK)
    assert plain(first.text) == (
        'model_config_list { config { name: "churn" base_path: "/srv/churn" '
        'model_platform: "tensorflow" '
        "model_version_policy { specific { versions: 1 } } "
        'version_labels { key: "stable" value: 1 } } }'
    )
    second = listed(first.text, 2)
    third = listed(second.text, 3)
    assert (second.label, third.label) == ("canary", None)
    assert "specific { versions: 1 versions: 2 versions: 3 }" in plain(third.text)
    assert 'key: "stable" value: 1' in plain(third.text)
    assert 'key: "canary" value: 2' in plain(third.text)


def test_what_a_person_moved_stays_and_other_models_do_too() -> None:
    text = listed(listed("", 1).text, 1, name="fraud").text
    text = text.replace("/srv/churn", "/models/churn")
    text = text.replace("specific {\n        versions: 1\n      }", "latest {\n      }", 1)
    after = plain(listed(text, 2).text)
    assert 'base_path: "/models/churn"' in after
    assert "model_version_policy { latest { } }" in after
    assert after.count("config { name") == 2
    assert 'name: "fraud" base_path: "/srv/fraud"' in after


@pytest.mark.parametrize(
    "text",
    ["model_config_list {}", MARK + "\nmodel_config_list {", MARK + "\nother: 1", "\ufffd"],
)
def test_a_file_that_is_not_ours_or_not_understood_is_left_alone(text: str) -> None:
    with pytest.raises(NotOurs):
        listed(text, 1)


def test_names_and_paths_of_any_script_are_kept_in_ascii() -> None:
    made = with_version("", name="churn", base_path='/srv/模型 "x"', version=1)
    assert made.text.isascii()
    assert with_version(made.text, name="churn", base_path="/", version=2).text.isascii()
