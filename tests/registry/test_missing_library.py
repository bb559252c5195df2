"""What is told of a library that is not there."""

from pathlib import Path

from seatrial.registry.missing_library import missing_library


def test_a_missing_module_is_never_taken_for_a_package_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    assert missing_library("sklearn", path=path).remedy == "Run: pip install scikit-learn"
    unknown = missing_library("mymod", path=path)
    assert "pip install" not in unknown.remedy
    assert "somebody else's" in unknown.remedy
    path.with_name("mymod.py").write_text("x = 1")
    own = missing_library("mymod", path=path)
    assert "your own module 'mymod', which lies beside it" in own.problem
    assert "pip install mymod" not in own.remedy
