"""TorchServe's model archives: which model lies in one, without unpacking it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Final

MANIFEST: Final = "MAR-INF/MANIFEST.json"

_MAX_MANIFEST_BYTES: Final = 1 << 20


class UnreadableMar(Exception):
    """The archive or its manifest is damaged."""


def model_in(path: Path) -> str | None:
    """The name of the model file in an archive; None where it is no archive of TorchServe.

    An archive may hold code alone: then the name is empty.
    Raises: UnreadableMar.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if MANIFEST not in archive.namelist():
                return None
            with archive.open(MANIFEST) as file:
                text = file.read(_MAX_MANIFEST_BYTES + 1)
            if len(text) > _MAX_MANIFEST_BYTES:
                raise UnreadableMar(f"its manifest has more than {_MAX_MANIFEST_BYTES:,} bytes")
            manifest = json.loads(text)
            name = manifest["model"].get("serializedFile") or ""
            if name:
                archive.getinfo(name)
            return str(name)
    except (zipfile.BadZipFile, OSError, ValueError, RecursionError, EOFError) as bad:
        raise UnreadableMar(str(bad) or type(bad).__name__) from bad
    except (LookupError, TypeError, AttributeError) as bad:
        raise UnreadableMar(f"its manifest names no model that it holds ({bad})") from bad
    except (NotImplementedError, RuntimeError) as packed:
        raise UnreadableMar(str(packed)) from packed
