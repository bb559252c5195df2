"""Small files of people's: certificates and keys in PEM, read with a bound on their size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def read_pem(
    path: Path, *, most_bytes: int, what: str, unusable: Callable[[Path, str], Exception]
) -> bytes:
    """The content of a file.

    Args:
        most_bytes: that it may have.
        what: a file of this kind holds, for people, as a plural.
        unusable: the error of a file, and of a clause that says why.
    Raises: what ``unusable`` makes.
    """
    if not path.is_file():
        raise unusable(path, "there is no such file")
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise unusable(path, f"it cannot be read: {error.strerror}") from error
    if len(content) > most_bytes:
        raise unusable(path, f"it is far larger than {what} are")
    return content
