from importlib import metadata

import pytest

from seatrial.wiring import libraries as subject
from seatrial.wiring.libraries import broken, libraries

_REQUIRES = [
    "pytest>=1",
    "click>=9999",
    "no-such-thing>=1",
    'hypothesis>=1; extra == "a"',
    'seatrial[a]; extra == "b"',
    'nothing-at-all; extra == "b"',
]


@pytest.fixture
def requires(monkeypatch):
    monkeypatch.setattr(subject.metadata, "requires", lambda name: _REQUIRES)


@pytest.mark.usefixtures("requires")
def test_the_core_is_what_no_extra_asks_for():
    core = libraries("")
    assert core.found == {"pytest": metadata.version("pytest")}
    assert core.missing == ("no-such-thing>=1",)
    assert core.unfit == (f"click>=9999 (here: {metadata.version('click')})",)


@pytest.mark.usefixtures("requires")
def test_an_extra_holds_what_the_extras_it_names_hold():
    assert set(libraries("b").found) == {"hypothesis"}
    assert libraries("b").missing == ("nothing-at-all",)
    assert libraries("a").missing == ()


def test_another_build_of_the_same_library_counts(monkeypatch):
    monkeypatch.setattr(subject.metadata, "requires", lambda name: ["xgboost-cpu>=2.1"])

    def version(name):
        if name == "xgboost":
            return "3.0.0"
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(subject.metadata, "version", version)
    assert libraries("").found == {"xgboost": "3.0.0"}


def test_a_library_that_fails_on_import_is_named_with_the_reason(tmp_path, monkeypatch):
    (tmp_path / "halfway.py").write_text("raise OSError('libgomp.so.1 is not there')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = {"halfway": ["halfway-dist"], "json": ["json-dist"], "other": ["other-dist"]}
    monkeypatch.setattr(subject.metadata, "packages_distributions", lambda: found)
    failed = broken(["halfway-dist", "json-dist"])
    assert failed == {"halfway": "OSError: libgomp.so.1 is not there"}


def test_a_library_that_ends_the_interpreter_is_told(tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text("import os; os._exit(7)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(
        subject.metadata, "packages_distributions", lambda: {"deadly": ["deadly-dist"]}
    )
    assert "ended with 7" in broken(["deadly-dist"])["(all)"]
