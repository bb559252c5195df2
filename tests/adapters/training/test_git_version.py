"""Which version of a program a folder holds."""

import subprocess

from seatrial.adapters.training.git_version import git_version


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


def test_the_commit_and_whether_files_differ(tmp_path):
    assert git_version(tmp_path) is None
    git(tmp_path, "init")
    assert git_version(tmp_path) is None
    (tmp_path / "train.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "first")
    found = git_version(tmp_path)
    assert found is not None
    commit, dirty = found
    assert len(commit) == 40
    assert not dirty
    (tmp_path / "new.py").write_text("y = 2\n")
    assert git_version(tmp_path) == (commit, True)
    (tmp_path / "deeper").mkdir()
    assert git_version(tmp_path / "deeper") == (commit, True)


def test_without_git_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_version(tmp_path) is None
