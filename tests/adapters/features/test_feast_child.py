"""The process of Feast, played by a program that speaks the same protocol."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.adapters.features.feast_child import FeastChild
from seatrial.features.failures import FeastFailed, FeastMissing
from seatrial.features.offline import EntityRow
from seatrial.features.view import Field, Selected, ValueType, View
from seatrial.kernel.errors import Invalid

VIEW = View(
    name="v",
    online_name="v",
    join_keys=(Field("id", ValueType.INT64),),
    features=(Field("i", ValueType.INT64), Field("f", ValueType.DOUBLE)),
    ttl_us=None,
)
SELECTED = [Selected(VIEW, field) for field in VIEW.features]

Play = Callable[..., FeastChild]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """A child that answers each message by what ``answer(message)`` of a program returns."""

    def made(program: str, *, timeout_s: float = 30.0) -> FeastChild:
        python = tmp_path / "python"
        python.write_text(
            f"#!{sys.executable}\n"
            "import json, sys, time, os\n"
            f"{program}\n"
            "for line in sys.stdin:\n"
            "    print(json.dumps(answer(json.loads(line))), flush=True)\n"
        )
        python.chmod(0o755)
        return FeastChild(tmp_path, python=str(python), timeout_s=timeout_s)

    return made


def test_calls_are_answered_one_after_the_other(play: Play) -> None:
    with play("def answer(m): return {'snapshot': {'got': m}}") as child:
        assert child.apply() == {"got": {"call": "apply"}}
        assert child.materialize(start_s=None, end_s=2.0, views=["v"]) == {
            "got": {"call": "materialize", "start": None, "end": 2.0, "views": ["v"]}
        }


def test_what_feast_says_is_passed_on(play: Play) -> None:
    with (
        play("def answer(m): return {'error': 'OSError', 'problem': 'no file x'}") as child,
        pytest.raises(FeastFailed, match="could not apply: OSError: no file x"),
    ):
        child.apply()


def test_an_interpreter_without_feast_gets_the_install_line(play: Play) -> None:
    answer = {"error": "missing", "problem": "No module", "module": "feast"}
    with play(f"def answer(m): return {answer}") as child, pytest.raises(FeastMissing) as told:
        child.apply()
    assert "pip install 'feast[redis,postgres]==0.67.*'" in told.value.remedy
    assert "SEATRIAL_FEATURES__PYTHON" in told.value.remedy


def test_this_interpreter_is_asked_where_none_is_named(tmp_path: Path) -> None:
    with FeastChild(tmp_path) as child, pytest.raises(FeastMissing, match="has no Feast"):
        child.apply()


def test_an_interpreter_that_is_not_there_is_told(tmp_path: Path) -> None:
    child = FeastChild(tmp_path, python=str(tmp_path / "none"))
    with pytest.raises(Invalid, match=r"features\.python cannot be started"):
        child.apply()


def test_a_process_that_ends_is_told_with_its_last_words(play: Play) -> None:
    program = "def answer(m):\n    sys.stderr.write('first\\nout of memory')\n    os._exit(1)"
    with play(program) as child:
        with pytest.raises(FeastFailed, match=r"ended during apply\. out of memory"):
            child.apply()
        with pytest.raises(FeastFailed, match="ended during describe"):
            child.describe()


def test_a_process_that_hangs_is_ended(play: Play) -> None:
    with play("def answer(m): time.sleep(600)", timeout_s=0.2) as child:
        with pytest.raises(FeastFailed, match=r"did not finish apply within 0\.2 s"):
            child.apply()
        assert child._process is None


_JOIN = """
from pyarrow import feather
import pyarrow as pa
def answer(m):
    table = feather.read_table(m["rows"])
    assert table.column_names == ["id", "event_timestamp"], table
    assert str(table.schema.field("event_timestamp").type) == "timestamp[us, tz=UTC]"
    ids = table.column("id").to_pylist()
    feather.write_feather(pa.table({
        "v__i": pa.array([None if i == 2 else float(i) for i in ids]),
        "v__f": pa.array([float("nan") if i == 2 else i / 2 for i in ids]),
    }), m["into"], compression="uncompressed")
    return {"n": len(ids)}
"""


def test_values_come_back_as_the_online_store_has_them(play: Play) -> None:
    """Whole numbers that a data frame made fractions are whole again, NaN is null."""
    rows = [EntityRow(key={"id": i}, time_us=1) for i in (1, 2, 3)]
    with play(_JOIN) as child:
        found = child.join(rows, SELECTED)
        assert child.join([], SELECTED) == []
    assert found == [(1, 0.5), (None, None), (3, 1.5)]
    assert [type(value) for value in found[0]] == [int, float]


def test_its_program_imports_nothing_of_ours() -> None:
    source = Path(sys.modules[FeastChild.__module__].__file__ or "").with_name("feast_program.py")
    assert "import seatrial" not in source.read_text()
    assert "from seatrial" not in source.read_text()
