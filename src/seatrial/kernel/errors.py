"""The tree of errors, drawn once.

    SeatrialError
    ├── Invalid            what was given is wrong: fix the input
    ├── NotFound           the thing named does not exist
    ├── Conflict           the thing changed meanwhile, or already exists
    ├── Denied             not allowed: unsafe file, missing token
    ├── LimitExceeded      a bound was reached: size, memory, queue, budget
    ├── DeadlineExceeded   it took too long
    ├── Unavailable        a part that is needed does not answer; trying again may help
    └── MissingExtra       an optional dependency is not installed

Leaves live where they are raised and subclass a kind. The core knows no protocol: status codes and
exit codes are tables in `web` and `cli`, keyed by kind.
"""

from __future__ import annotations

from typing import ClassVar


class SeatrialError(Exception):
    """An error a person can act on.

    Args:
        problem: one sentence holding the value that was wrong and the name the user typed.
        remedy: one sentence, an order: what to do next.
        facts: JSON-able details for machines, such as ``field`` or ``limit``.
    """

    code: ClassVar[str] = "seatrial.error"
    retryable: ClassVar[bool] = False

    def __init__(self, problem: str, *, remedy: str, **facts: object) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.problem, self.remedy, self.facts)

    def as_dict(self) -> dict[str, object]:
        """The error as a JSON-able record: code, problem, remedy and facts."""
        return {
            "code": self.code,
            "problem": self.problem,
            "remedy": self.remedy,
            "facts": self.facts,
        }


def _rebuild(
    cls: type[SeatrialError], problem: str, remedy: str, facts: dict[str, object]
) -> SeatrialError:
    return cls(problem, remedy=remedy, **facts)


class Invalid(SeatrialError):
    """What was given is wrong; the same call can never succeed."""

    code = "seatrial.invalid"


class NotFound(SeatrialError):
    """The thing named does not exist."""

    code = "seatrial.not_found"


class Conflict(SeatrialError):
    """The thing changed meanwhile, or already exists."""

    code = "seatrial.conflict"


class Denied(SeatrialError):
    """Not allowed."""

    code = "seatrial.denied"


class LimitExceeded(SeatrialError):
    """A bound was reached."""

    code = "seatrial.limit_exceeded"


class DeadlineExceeded(SeatrialError):
    """It took too long."""

    code = "seatrial.deadline_exceeded"
    retryable = True


class Unavailable(SeatrialError):
    """A part that is needed does not answer."""

    code = "seatrial.unavailable"
    retryable = True


class MissingExtra(SeatrialError):
    """An optional dependency is not installed.

    Args:
        package: the module that is missing, as imported.
        extra: the extra of seatrial that brings it.
    """

    code = "seatrial.missing_extra"

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"The package {package!r} is not installed.",
            remedy=f"Run: pip install 'seatrial[{extra}]'",
            package=package,
            extra=extra,
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.facts["package"], self.facts["extra"])
