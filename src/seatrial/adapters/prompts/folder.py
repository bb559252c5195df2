"""Prompts in a folder: ``NAME.md`` is the current version, ``NAME/*.md`` are those kept besides.

    prompts/
      sort-letters.md          current
      sort-letters/
        2030-01-05.md          an earlier one, or one that is to be tried

Files are read when they are asked for, so that what is edited counts at the next request that
resolves the name; a version that was resolved does not change, since it is the digest of its text.
"""

from __future__ import annotations

import re
from pathlib import Path

from seatrial.gateway.prompts.failures import PromptInvalid
from seatrial.gateway.prompts.source import matching
from seatrial.gateway.prompts.template import Prompt, digest_of

MAX_BYTES = 400_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_ENDING = ".md"


class PromptFolder:
    """`gateway.prompts.source.PromptSource` over a folder, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> tuple[str, ...]:
        """See PromptSource."""
        found = (path.name.removesuffix(_ENDING) for path in self._folder.glob(f"*{_ENDING}"))
        return tuple(sorted(name for name in found if _NAME.match(name)))

    def versions(self, name: str) -> tuple[str, ...]:
        """See PromptSource; earlier ones are in the order of their files' names."""
        found = tuple(self._texts(name))
        matching(name, None, found)
        return found

    def prompt(self, name: str, version: str | None = None) -> Prompt:
        """See PromptSource."""
        texts = self._texts(name)
        return Prompt(name, texts[matching(name, version, tuple(texts))])

    def _texts(self, name: str) -> dict[str, str]:
        """The texts by their digest, the current one last; empty for a prompt that is not there."""
        current = self._folder / f"{name}{_ENDING}"
        if not _NAME.match(name) or not _is_named(current):
            return {}
        texts = [read_text(path) for path in sorted((self._folder / name).glob(f"*{_ENDING}"))]
        now = read_text(current)
        made = {digest_of(text): text for text in texts if text != now}
        return made | {digest_of(now): now}


def _is_named(path: Path) -> bool:
    """Whether there is a file spelled just so, on file systems that ignore case, too."""
    return path.is_file() and path.name in {entry.name for entry in path.parent.iterdir()}


def read_text(path: Path) -> str:
    """The text of a prompt's file.   Raises: PromptInvalid."""
    try:
        raw = path.read_bytes()[: MAX_BYTES + 1]
        if len(raw) > MAX_BYTES:
            raise _unreadable(path, f"has more than {MAX_BYTES} bytes")
        return raw.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"is not UTF-8 text: byte {error.start} is wrong") from error
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from error


def _unreadable(path: Path, why: str) -> PromptInvalid:
    return PromptInvalid(
        f"The file {path.name} {why}.",
        remedy="Write the prompt as UTF-8 text, and let the server read it.",
        file=str(path),
    )
