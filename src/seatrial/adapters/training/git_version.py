"""Which version of a program a folder holds, as git has it."""

from __future__ import annotations

import subprocess
from pathlib import Path

_TIMEOUT_S = 10.0


def git_version(folder: Path) -> tuple[str, bool] | None:
    """The commit of the repository around a folder, and whether its files differ from it.

    Files that git does not know count as a difference. Returns: None outside of a repository, in
    one without a commit, and where git is not installed or does not answer.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain", "--untracked-files=normal")
    if not commit or status is None:
        return None
    return commit.strip(), bool(status.strip())


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        ran = subprocess.run(
            ["git", "-C", str(folder), "--no-optional-locks", *arguments],  # noqa: S607 - as found
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout if ran.returncode == 0 else None
