"""Functions are called with what they declare, in the types they declare."""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.training.binding import bind, load
from seatrial.adapters.training.values import MISSING, Refused, convert, plain

GIVEN = {"data": "/rows.csv", "out": "/out", "seed": 3, "label": "y"}


def bound(function: Any, values: dict[str, Any] | None = None, **given: Any) -> Any:
    return bind(function, values or {}, {**GIVEN, **given})


def refused(function: Any, values: dict[str, Any] | None = None, **given: Any) -> dict[str, str]:
    with pytest.raises(Refused) as told:
        bound(function, values, **given)
    return told.value.said


class Kernel(enum.Enum):
    RBF = "rbf"
    LINEAR = "linear"


def test_a_function_gets_what_it_declares_and_nothing_else():
    def train(data: Path, out, label: str, lr: float = 0.1, depth: int = 3):
        """Its annotations are strings, as in many a file."""

    arguments, shown = bound(train, {"lr": "0.5"})
    assert arguments == {
        "data": Path("/rows.csv"),
        "out": Path("/out"),
        "label": "y",
        "lr": 0.5,
    }
    assert shown == {"lr": 0.5, "depth": 3}


def test_a_path_that_is_wanted_as_text_is_text():
    def train(data: str): ...

    assert bound(train)[0] == {"data": "/rows.csv"}


def test_further_data_and_the_present_model_are_given():
    def train(more_data, warm_start: Path | None = None): ...

    given = {"more_data": ["/a", "/b"], "warm_start": "/model.pkl"}
    assert bound(train, **given)[0] == {
        "more_data": (Path("/a"), Path("/b")),
        "warm_start": Path("/model.pkl"),
    }


def test_without_a_present_model_it_begins_from_nothing():
    def train(warm_start): ...

    assert bound(train)[0] == {"warm_start": None}


@pytest.mark.parametrize(
    ("value", "hint", "meant"),
    [
        ("3", int, 3),
        (3.0, int, 3),
        ("1e-3", float, 0.001),
        (2, float, 2.0),
        ("yes", bool, True),
        ("0", bool, False),
        (True, bool, True),
        ("x", str, "x"),
        ("7", int | None, 7),
        ("none", int | None, None),
        (None, int | None, None),
        ("a", int | str, "a"),
        ("5", Union[str, int], 5),  # noqa: UP007 - as older programs write it
        ("b", Literal["a", "b"], "b"),
        ("2", Literal[1, 2], 2),
        ("rbf", Kernel, Kernel.RBF),
        ("LINEAR", Kernel, Kernel.LINEAR),
        ("[1, 2]", list[int], [1, 2]),
        ([1, "2"], tuple[float, ...], (1.0, 2.0)),
        ('{"a": 1}', dict[str, int], {"a": 1}),
        ("/x", Path, Path("/x")),
        ("3", Annotated[int, "more than 0"], 3),
        ("3", MISSING, 3),
        ("0.5", MISSING, 0.5),
        ("true", Any, True),
        ("nan", MISSING, "nan"),
        ("abc", MISSING, "abc"),
    ],
)
def test_values_are_read_in_the_type_that_is_declared(value, hint, meant):
    found = convert("x", value, hint, MISSING)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("value", "hint", "named"),
    [
        ("x", int, "int"),
        (3.5, int, "int"),
        (True, int, "int"),
        ("nan", float, "float"),
        ("inf", float, "float"),
        ("maybe", bool, "bool"),
        (1, bool, "bool"),
        (3, str, "str"),
        ("c", Literal["a", "b"], "Literal"),
        ("poly", Kernel, "Kernel"),
        ("3", list[int], "list"),
        ("[1", list[int], "list"),
        ("[[1]]", list[int], "list"),
        ("x", int | None, "int"),
        ("9" * 5000, int, "int"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name_and_type(value, hint, named):
    with pytest.raises(Refused) as told:
        convert("depth", value, hint, MISSING)
    assert told.value.said["kind"] == "bad_parameter"
    assert "'depth'" in told.value.said["problem"]
    assert named in told.value.said["problem"]


def test_without_a_type_the_default_says_it():
    def train(depth=3, lr=0.1, deep=False, kind="a"): ...

    values = {"depth": "4", "lr": "1", "deep": "true", "kind": "5"}
    assert bound(train, values)[0] == {"depth": 4, "lr": 1.0, "deep": True, "kind": "5"}
    assert "int" in refused(train, {"depth": "x"})["problem"]


def test_a_name_that_is_not_known_names_the_nearest():
    def train(alpha: float = 1, depth: int = 3): ...

    said = refused(train, {"alhpa": 1})
    assert said["problem"] == "The function has no hyperparameter 'alhpa'."
    assert "Did you mean 'alpha'?" in said["remedy"]
    assert "alpha, depth" in said["remedy"]


def test_a_function_that_takes_any_name_gets_it():
    def train(**rest): ...

    assert bound(train, {"x": "1"}) == ({"x": 1}, {"x": 1})


def test_a_hyperparameter_without_a_value_is_told():
    def train(lr: float): ...

    assert "--set lr=VALUE" in refused(train)["remedy"]


def test_data_that_is_wanted_and_not_given_is_told():
    def train(data): ...

    assert "--data" in refused(train, data=None)["remedy"]


def test_what_the_function_would_not_see_is_refused():
    def train(data): ...

    assert "'warm_start'" in refused(train, warm_start="/m")["problem"]
    assert "'more_data'" in refused(train, more_data=["/m"])["problem"]


def test_a_parameter_without_a_name_is_refused():
    def train(lr, /): ...

    assert refused(train)["kind"] == "bad_function"


@dataclass
class Config:
    lr: float
    depth: int = 3
    kinds: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.lr <= 0:
            raise ValueError("lr has to be over 0")


class Model(pydantic.BaseModel):
    lr: float = pydantic.Field(gt=0)
    depth: int = 3


def test_a_dataclass_gives_its_fields():
    def train(config: Config, epochs: int = 2): ...

    arguments, shown = bound(train, {"lr": "0.5", "epochs": 4})
    assert arguments["config"] == Config(lr=0.5)
    assert shown == {"lr": 0.5, "depth": 3, "kinds": [], "epochs": 4}
    assert "'lr' has no default" in refused(train)["problem"]
    assert "float" in refused(train, {"lr": "x"})["problem"]
    assert "lr has to be over 0" in refused(train, {"lr": -1})["problem"]
    assert "'depth'" in refused(train, {"lr": 1, "detph": 2})["remedy"]


def test_a_dataclass_may_have_a_default_that_is_changed():
    def train(config: Config = Config(lr=1.0, depth=9)): ...  # noqa: B008

    assert bound(train)[1] == {"lr": 1.0, "depth": 9, "kinds": []}
    assert bound(train, {"lr": 2})[1] == {"lr": 2.0, "depth": 9, "kinds": []}


def test_a_pydantic_model_gives_its_fields():
    def train(config: Model = Model(lr=1)): ...  # noqa: B008

    assert bound(train, {"lr": "0.5"})[1] == {"lr": 0.5, "depth": 3}
    assert bound(train)[1] == {"lr": 1.0, "depth": 3}
    assert "greater than 0" in refused(train, {"lr": 0})["problem"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_whatever_a_default_is_it_can_be_shown(value):
    import json

    json.dumps(plain(value), allow_nan=False)


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.mark.usefixtures("fresh")
def test_a_function_is_found_in_a_file_with_what_lies_beside_it(tmp_path):
    (tmp_path / "beside_it.py").write_text("VALUE = 7\n")
    (tmp_path / "random.py").write_text("import beside_it\ndef train(): return beside_it.VALUE\n")
    before = sys.modules.get("random")
    try:
        assert load(f"{tmp_path}/random.py:train")() == 7
    finally:
        sys.modules["random"] = before  # type: ignore[assignment]


@pytest.mark.usefixtures("fresh")
def test_what_is_not_there_is_told_with_what_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some_training.py").write_text(
        "from json import loads\ndef train(): ...\nother = 3\n"
    )
    for named, said in (
        ("some_training.py:trian", "Did you mean 'train'? Functions there are: train."),
        ("some_training.py:other", "Functions there are: train."),
        ("nowhere.py:train", "Name one that exists"),
        ("nowhere_at_all:train", "install it"),
    ):
        with pytest.raises(Refused) as told:
            load(named)
        assert said in told.value.said["remedy"]
    assert load("some_training:train").__name__ == "train"


@pytest.mark.usefixtures("fresh")
def test_a_module_that_lacks_one_of_its_own_is_not_taken_for_absent(tmp_path):
    (tmp_path / "needs_more.py").write_text("import surely_not_installed\n")
    with pytest.raises(ModuleNotFoundError, match="surely_not_installed"):
        load(f"{tmp_path}/needs_more.py:train")
