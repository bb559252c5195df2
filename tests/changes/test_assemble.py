import importlib.util
from datetime import date
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[2] / "changes" / "assemble.py"
_spec = importlib.util.spec_from_file_location("assemble", _PATH)
subject = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(subject)

DAY = date(2030, 1, 2)


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "README.md").write_text("the rule")
    return tmp_path


def add(checkout: Path, name: str, text: str) -> None:
    (checkout / "changes" / name).write_text(text)


def test_fragments_become_a_version_and_are_removed(checkout):
    add(checkout, "b.md", "Second.\n")
    add(checkout, "a.md", "First.\nFirst too.\n")
    subject.assemble(checkout, "1.0.0", DAY)
    text = (checkout / "CHANGELOG.md").read_text()
    assert text == "# Changelog\n\n## 1.0.0 (2030-01-02)\n\n- First.\n- First too.\n- Second.\n"
    assert [p.name for p in (checkout / "changes").iterdir()] == ["README.md"]


def test_the_newest_version_is_on_top_and_older_ones_stay(checkout):
    add(checkout, "a.md", "Old.")
    subject.assemble(checkout, "1.0.0", DAY)
    add(checkout, "a.md", "New.")
    subject.assemble(checkout, "1.1.0", DAY)
    text = (checkout / "CHANGELOG.md").read_text()
    assert text.count("# Changelog\n") == 1
    assert text.index("1.1.0") < text.index("New.") < text.index("1.0.0") < text.index("Old.")


def test_a_version_is_released_once_and_its_fragments_stay(checkout):
    add(checkout, "a.md", "Old.")
    subject.assemble(checkout, "1.0.0", DAY)
    add(checkout, "b.md", "New.")
    with pytest.raises(ValueError, match=r"1\.0\.0"):
        subject.assemble(checkout, "1.0.0", DAY)
    assert (checkout / "changes" / "b.md").exists()


def test_a_release_without_changes_is_refused(checkout):
    with pytest.raises(ValueError, match="no change"):
        subject.assemble(checkout, "1.0.0", DAY)
    assert not (checkout / "CHANGELOG.md").exists()
