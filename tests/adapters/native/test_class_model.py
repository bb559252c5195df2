"""Classes of somebody's own, loaded in a child from the archive that a bundle holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import numpy as np
import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.describe import NeedsSample
from seatrial.packaging.sample import Sample
from seatrial.packaging.session import ModelSession
from seatrial.registry.class_folder import named_class, pack_class
from seatrial.registry.signature import Dtype, Task
from seatrial.registry.unsafe import UnsafeModel

ROWS = Sample(
    columns={
        "age": np.array([20.0, 30.0, 70.0]),
        "city": np.array(["Bonn", "Lima", "Bonn"], dtype=object),
    },
    n_rows=3,
    n_total=3,
)
LOAD = "def load(self, path): pass\n"
PREDICT = "def predict(self, rows): return rows['age'] * 2\n"


@pytest.fixture(scope="module")
def session() -> Iterator[ModelSession]:
    with ModelSession() as opened:
        yield opened


class Folder:
    """Classes, each in a module of another name: one process loads them all."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self._name = path, name

    def __call__(self, body: str, head: str = "") -> Path:
        (self.path / f"{self._name}.py").write_text(f"{head}\nclass Own:\n{indent(body, '  ')}")
        named = named_class(self.path / f"{self._name}.py:Own")
        assert named is not None
        file = self.path.parent / f"{self._name}.zip"
        pack_class(named, file)
        return file


@pytest.fixture
def own(tmp_path: Path, request: pytest.FixtureRequest) -> Folder:
    (tmp_path / "own").mkdir()
    word = "".join(c if c.isalnum() else "_" for c in request.node.name)
    return Folder(tmp_path / "own", word)


def test_a_class_reads_its_files_and_answers_by_name(session: ModelSession, own: Folder) -> None:
    (own.path / "factor.txt").write_text("3")
    (own.path / "beside_it.py").write_text("def read(path): return float(path.read_text())")
    file = own(
        "classes = ('no', 'yes')\n"
        "def load(self, path): self.f = read(path / 'factor.txt')\n"
        "def predict(self, rows):\n"
        "  p = np.clip(rows['age'] * self.f / 300, 0, 1)\n"
        "  return {'label': np.where(p > .5, 'yes', 'no'),\n"
        "          'probabilities': np.column_stack([1 - p, p])}\n",
        head="import numpy as np\nfrom beside_it import read",
    )
    with pytest.raises(UnsafeModel):
        session.load(file)
    report = session.load(file, trust=True)
    assert report.imports == ("numpy",)
    signature, _ = session.introduce(ROWS)
    assert signature.task is Task.CLASSIFICATION
    assert [(f.name, f.dtype) for f in signature.features] == [
        ("age", Dtype.FLOAT64),
        ("city", Dtype.STRING),
    ]
    assert signature.outputs[1].classes == ("no", "yes")
    said = session.predict({"age": np.array([70.0, 10.0]), "city": np.array(["a", "b"], object)})
    assert list(said["label"]) == ["yes", "no"]
    np.testing.assert_allclose(said["probabilities"][:, 1], [0.7, 0.1])


def test_a_load_that_returns_the_model_and_one_matrix_of_numbers(
    session: ModelSession, own: Folder
) -> None:
    session.load(
        own(
            "@classmethod\ndef load(cls, path): return cls()\n"
            "def predict(self, rows): return [[v] for v in rows['a'] + rows['b']]\n"
        ),
        trust=True,
    )
    with pytest.raises(NeedsSample, match="does not show"):
        session.introduce(None)
    sample = Sample(columns={"a": np.arange(3.0), "b": np.ones(3)}, n_rows=3, n_total=3)
    signature, _ = session.introduce(sample)
    assert signature.matrix
    assert signature.task is Task.REGRESSION
    assert session.predict(np.array([[1.0, 2.0]]))["prediction"].tolist() == [3.0]


@pytest.mark.parametrize(
    ("body", "head", "code", "words"),
    [
        (LOAD, "", "model.wrong_class", r"no method predict\(rows\)"),
        (PREDICT, "", "model.wrong_class", r"no method load\(path\)"),
        ("def load(self): pass\n" + PREDICT, "", "model.wrong_class", "too many positional"),
        (LOAD + "def predict(self, a, b): pass\n", "", "model.wrong_class", "missing a required"),
        (LOAD + "predict = 3\n", "", "model.wrong_class", "no method predict"),
        (
            "@classmethod\ndef load(cls, path): pass\n" + PREDICT,
            "",
            "model.wrong_class",
            "NoneType that cannot predict",
        ),
        (LOAD + PREDICT, "import not_there", "model.missing_library", "not_there"),
        (LOAD + PREDICT, "1 / 0", "model.code_failed", "ZeroDivisionError"),
        (LOAD + PREDICT, "raise SystemExit(3)", "model.code_failed", "SystemExit: 3"),
        (LOAD + PREDICT, "from .near import x", "model.code_failed", "relative import"),
        (
            "def load(self, path): open(path / 'absent')\n" + PREDICT,
            "",
            "model.code_failed",
            "No such file",
        ),
        (
            "def __init__(self, size): pass\n" + LOAD + PREDICT,
            "",
            "model.code_failed",
            "missing 1 required",
        ),
    ],
)
def test_what_cannot_be_loaded_is_told(
    session: ModelSession, own: Folder, body: str, head: str, code: str, words: str
) -> None:
    file = own(body, head)
    with pytest.raises(SeatrialError, match=words) as told:
        session.load(file, trust=True)
    assert told.value.code == code
    assert told.value.remedy


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("rows['age'][1:]", r"the shape \[2\] for 3 rows"),
        ("3.0", r"the shape \[\] for 3 rows"),
        ("None", r"the shape \[\] for 3 rows"),
        ("[[1], [1, 2], [1]]", "is no array"),
        ("{}", "gives"),
        ("{'label': ['a'] * 3, 'probabilities': [[.5, .5]]}", r"\[1, 2\] for 3 rows"),
        ("{'prediction': [object()] * 3}", "holds other things"),
        ("[1j] * 3", "complex"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_answers_that_are_none_are_told(
    session: ModelSession, own: Folder, answer: str, words: str
) -> None:
    session.load(own(f"{LOAD}def predict(self, rows): return {answer}\n"), trust=True)
    with pytest.raises(SeatrialError, match=words):
        session.introduce(ROWS)


def test_classes_that_do_not_fit_are_told(session: ModelSession, own: Folder) -> None:
    file = own(
        f"classes = ['a']\n{LOAD}"
        "def predict(self, rows): return {'label': ['a'] * 3, 'probabilities': [[.5, .5]] * 3}\n"
    )
    session.load(file, trust=True)
    with pytest.raises(SeatrialError, match="its classes"):
        session.introduce(ROWS)


def test_another_output_than_the_first_time_is_told(session: ModelSession, own: Folder) -> None:
    file = own(
        f"{LOAD}def predict(self, rows):\n"
        "  return {'a' if rows['age'][0] == 20 else 'b': rows['age']}\n"
    )
    session.load(file, trust=True)
    session.introduce(ROWS)
    with pytest.raises(SeatrialError, match=r"gives \['b'\], not \['a'\]"):
        session.predict({"age": np.array([1.0]), "city": np.array(["x"], object)})


def test_a_class_that_ends_the_process_ends_no_other(tmp_path: Path, own: Folder) -> None:
    file = own(f"{LOAD}{PREDICT}", "import os\nos._exit(3)")
    with ModelSession() as alone, pytest.raises(SeatrialError) as told:
        alone.load(file, trust=True)
    assert told.value.code == "engine.crashed"
