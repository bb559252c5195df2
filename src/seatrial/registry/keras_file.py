"""Keras's own files (.keras, .h5): what they would import and run, without Keras.

Such a file has weights and a configuration that names each class to build. Keras imports what the
configuration names, and its ``safe_mode`` looks at lambdas only; here everything that is no plain
part of a model, by package and name, needs a person's trust.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from seatrial.registry.allowed import Import
from seatrial.registry.saved_model_file import UnreadableArchive, check_parts, names_in
from seatrial.registry.zip_faults import BROKEN

_CONFIG: Final = "config.json"
_PARTS: Final = frozenset((_CONFIG, "metadata.json", "model.weights.h5"))
_MAX_CONFIG_BYTES: Final = 64 << 20

_PACKAGES: Final = re.compile(
    r"keras(\.src)?"
    r"(\.(layers|models|ops|activations|initializers|regularizers|constraints|dtype_policies)"
    r"(\.[a-z_0-9]+)*)?"
)
_CLASS: Final = re.compile(r"[A-Z]\w*")
_FUNCTIONS: Final = re.compile(r"keras(\.src)?\.activations(\.[a-z_0-9]+)*")
_CODE: Final = frozenset(("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"))
"""Layers that bring code or another model's file with them."""
_BUILT: Final = frozenset(("CompositeTensor", "TypeSpec"))
"""What Keras makes of a configuration in HDF5 while it reads it, by names of TensorFlow's."""
_VALUES: Final = frozenset(
    ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")
)
"""What Keras writes in a configuration for values that JSON lacks."""


def is_keras(path: Path) -> bool:
    """Whether a zip archive has the parts that Keras writes."""
    return names_in(path) >= _PARTS


def outside_of(path: Path, *, limit: int) -> tuple[Import, ...]:
    """What the file names besides Keras's own layers and what belongs to them; sorted.

    Args: limit: bytes that all of the archive may unpack to.
    Raises: UnreadableArchive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_parts(archive, limit)
            if archive.getinfo(_CONFIG).file_size > _MAX_CONFIG_BYTES:
                raise UnreadableArchive(f"its {_CONFIG} has more than {_MAX_CONFIG_BYTES:,} bytes")
            tree = json.loads(archive.read(_CONFIG))
    except (*BROKEN, RecursionError) as error:
        raise UnreadableArchive(str(error) or type(error).__name__) from error
    return _sorted(tree)


def outside_of_config(configuration: str) -> tuple[Import, ...]:
    """The same of a configuration in HDF5, where classes of Keras's own are named without a module.

    Raises: UnreadableArchive.
    """
    if len(configuration) > _MAX_CONFIG_BYTES:
        raise UnreadableArchive(f"its configuration has more than {_MAX_CONFIG_BYTES:,} bytes")
    try:
        tree = json.loads(configuration)
    except (ValueError, RecursionError) as error:
        raise UnreadableArchive(f"its configuration is no JSON: {error}") from error
    return _sorted(tree, legacy=True)


def _sorted(tree: Any, *, legacy: bool = False) -> tuple[Import, ...]:
    if not isinstance(tree, dict):
        raise UnreadableArchive("its configuration is no mapping")
    # Loss and optimiser are not built: models are loaded with compile=False.
    tree.pop("compile_config", None)
    return tuple(sorted(set(_outside(tree, legacy=legacy))))


def _outside(tree: Any, *, legacy: bool) -> Iterator[Import]:
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            todo += node.values()
            if "class_name" in node and not _is_plain(node, legacy=legacy):
                yield _named(node)
            if isinstance(node.get("vocabulary"), str):
                yield Import("file", node["vocabulary"])


def _is_plain(node: Mapping[str, Any], *, legacy: bool) -> bool:
    module, name = node.get("module"), str(node["class_name"])
    if name == "function":
        return bool(_FUNCTIONS.fullmatch(str(module))) and isinstance(node.get("config"), str)
    if module is None:
        own = legacy and bool(_CLASS.fullmatch(name)) and name not in _CODE | _BUILT
        return (own or name in _VALUES) and not node.get("registered_name")
    known = _PACKAGES.fullmatch(str(module)) and _CLASS.fullmatch(name)
    return bool(known) and name not in _CODE


def _named(node: Mapping[str, Any]) -> Import:
    name = node["config"] if node["class_name"] == "function" else node["class_name"]
    return Import(str(node.get("module") or "custom"), str(name))
