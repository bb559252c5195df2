"""A class with its folder, and the archive of both."""

from __future__ import annotations

from pathlib import Path

from seatrial.registry.class_folder import named_class, pack_class

CODE = "import json, numpy.linalg\nfrom near import f\nclass Net:\n    pass\n"


def packed(folder: Path, target: Path, name: str = "net.py:Net") -> Path:
    named = named_class(folder / name)
    assert named is not None
    pack_class(named, target)
    return target
