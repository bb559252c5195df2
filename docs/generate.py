"""Write the pages of docs/reference that come out of the code, or check that they are current.

python docs/generate.py errors            write docs/reference/errors.md
python docs/generate.py errors --check    fail when it would change
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import seatrial
from seatrial.kernel.errors import SeatrialError

REFERENCE = Path(__file__).parent / "reference"
PROGRAMS = {"seatrial.__main__"}
"""Modules that run something when imported."""


def errors_page() -> str:
    """Every error code with its kind, whether trying again may help, and what it means."""
    lines = [
        "# Errors",
        "",
        "Every error of seatrial has a stable code, says what was wrong, and what to do next.",
        "Kinds are classes of `seatrial.kernel.errors`; status codes and exit codes go by kind.",
        "",
        "| code | kind | try again | meaning |",
        "|---|---|---|---|",
    ]
    for cls in sorted(error_classes(), key=lambda cls: str(vars(cls).get("code", ""))):
        again = "yes" if cls.retryable else "no"
        meaning = (
            inspect.cleandoc(cls.__doc__ or "")
            .partition("\n\n")[0]
            .replace("\n", " ")
            .replace("``", "`")
        )
        lines.append(f"| `{cls.code}` | {kind(cls)} | {again} | {meaning} |")
    return "\n".join(lines) + "\n"


def error_classes() -> list[type[SeatrialError]]:
    """SeatrialError and every class below it, from every module of the package."""
    for name in module_names():
        importlib.import_module(name)
    return [cls for cls in below(SeatrialError) if cls.__module__.startswith("seatrial.")]


def module_names() -> Iterator[str]:
    """Every importable module of seatrial."""
    for info in pkgutil.walk_packages(seatrial.__path__, "seatrial."):
        if info.name not in PROGRAMS:
            yield info.name


def below(cls: type[SeatrialError]) -> Iterator[type[SeatrialError]]:
    """A class and all its subclasses, each once."""
    seen: set[type[SeatrialError]] = set()
    waiting = [cls]
    while waiting:
        found = waiting.pop()
        if found not in seen:
            seen.add(found)
            yield found
            waiting.extend(found.__subclasses__())


def kind(cls: type[SeatrialError]) -> str:
    """The name of the kind that decides how an error is answered."""
    kinds = [c for c in cls.__mro__ if c.__module__ == "seatrial.kernel.errors"]
    return kinds[0].__name__


PAGES = {"errors": errors_page}


def main() -> int:
    """Write or check one page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", choices=sorted(PAGES))
    parser.add_argument("--check", action="store_true", help="change nothing")
    arguments = parser.parse_args()
    path = REFERENCE / f"{arguments.page}.md"
    text = PAGES[arguments.page]()
    if arguments.check:
        if path.is_file() and path.read_text() == text:
            return 0
        sys.stderr.write(f"{path} is not current: run docs/generate.py {arguments.page}\n")
        return 1
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
