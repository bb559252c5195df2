"""What a person names as a model, as the one file that is packaged.

Mostly it is that file. A class in Python is packed with the files beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial.kernel.size import show_size
from seatrial.packaging.examine import Say
from seatrial.registry.class_file import named_class, pack_class


@contextmanager
def model_file(given: Path, *, say: Say) -> Iterator[Path]:
    """The file of a model, for as long as the block runs.

    Args:
        given: a model file, or ``folder/module.py:Class``.
        say: told what was packed.
    Raises: NoSuchClass, ClassUnusable, FolderTooLarge.
    """
    named = named_class(given)
    if named is None:
        yield given
        return
    with TemporaryDirectory(prefix="seatrial-") as folder:
        file = Path(folder) / given.name
        packed = pack_class(named, file)
        files = "1 file" if packed.n_files == 1 else f"{packed.n_files} files"
        where = named.file.parent.resolve()
        say("ok", "folder", f"{files} of {where}, {show_size(packed.n_bytes)}")
        yield file
