"""What reading a damaged zip archive raises."""

from __future__ import annotations

import zipfile
import zlib
from typing import Final

BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    ValueError,
    LookupError,
    EOFError,
    RuntimeError,
    NotImplementedError,
)
"""Of an archive that is cut off, altered, packed in an unknown way or locked by a password."""
