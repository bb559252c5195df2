"""Put the fragments of this folder under a version on top of CHANGELOG.md, and remove them.

python changes/assemble.py 0.2.0
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

HEAD = "# Changelog\n"
KEPT = "README.md"


def fragments(folder: Path) -> list[Path]:
    """The files that tell of a change, by name."""
    return sorted(path for path in folder.glob("*.md") if path.name != KEPT)


def assembled(before: str, texts: list[str], version: str, day: date) -> str:
    """The changelog with a new version on top.   Raises: ValueError: it is there already."""
    title = f"## {version} ("
    if title in before:
        raise ValueError(f"CHANGELOG.md has a version {version} already")
    lines = [f"- {line}" for text in texts for line in text.strip().splitlines() if line]
    new = f"{title}{day.isoformat()})\n\n" + "\n".join(lines) + "\n"
    rest = before.removeprefix(HEAD).lstrip("\n")
    return f"{HEAD}\n{new}" + (f"\n{rest}" if rest else "")


def assemble(root: Path, version: str, day: date) -> None:
    """Write the changelog of a checkout, and remove what went into it."""
    found = fragments(root / "changes")
    if not found:
        raise ValueError("no change is waiting in changes/")
    log = root / "CHANGELOG.md"
    before = log.read_text(encoding="utf-8") if log.exists() else HEAD
    texts = [path.read_text(encoding="utf-8") for path in found]
    log.write_text(assembled(before, texts, version, day), encoding="utf-8")
    for path in found:
        path.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} VERSION")
    try:
        assemble(Path(__file__).parents[1], sys.argv[1], datetime.now(UTC).date())
    except ValueError as problem:
        sys.exit(str(problem))
