"""docs/reference/errors.md: every error with its code and what each door makes of it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import seatrial
from pages.text import first_paragraph, page, table
from seatrial.cli.exits import exit_of
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.kernel.errors import MissingExtra, SeatrialError
from seatrial.web.errors import status_of
from seatrial.web.llm.refusal import status_of as gateway_status_of

PROGRAMS = {"seatrial.__main__"}
"""Modules that run something when imported."""


def errors_page() -> str:
    """Every error code with its kind, status and exit code, and what it means."""
    rows = (
        [
            f"`{cls.code}`",
            kind(cls),
            str(_status(cls)),
            str(int(exit_of(_made(cls)))),
            "yes" if cls.retryable else "no",
            first_paragraph(cls),
        ]
        for cls in sorted(error_classes(), key=lambda cls: str(vars(cls).get("code", "")))
    )
    return page(
        "Errors",
        [
            "Every error of seatrial has a stable code, says what was wrong, and what to do",
            "next. Kinds are classes of `seatrial.kernel.errors`. The HTTP status and the exit",
            "code go by kind; a status is of interest only for errors that a request can meet.",
        ],
        table(["code", "kind", "HTTP", "exit", "try again", "meaning"], rows),
        [
            "Over HTTP the body of an error is JSON: `error` (problem and remedy), `code`, and",
            "`field` and `row` where one is to blame; those of the gateway have the form of",
            "the vendor whose client asks. With `--json` a command prints",
            '`{"error": {"code", "problem", "remedy", "facts"}}` on stdout.',
        ],
    )


def _status(cls: type[SeatrialError]) -> int:
    """Of HTTP: errors of the gateway meet the clients of vendors, who read statuses their way."""
    error = _made(cls)
    if isinstance(error, ProviderFailure):
        error.status = None
    return gateway_status_of(error) if cls.code.startswith("gateway.") else status_of(error)


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
    seen: set[type] = set()
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


def _made(cls: type[SeatrialError]) -> SeatrialError:
    """An error of the class, whatever its constructor asks for."""
    if issubclass(cls, MissingExtra):
        return cls("package", "extra")
    error = cls.__new__(cls)
    SeatrialError.__init__(error, "", remedy="")
    return error
