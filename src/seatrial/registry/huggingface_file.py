"""Folders of Hugging Face's text classifiers, as one file: a zip archive, equal for equal folders.

Of a folder only what answers is packed: configuration, weights, tokenizer. What a folder is and
whether it brings code along is judged here, without any of Hugging Face's libraries.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from seatrial.kernel.errors import Invalid
from seatrial.registry.pickle_trace import Trace
from seatrial.registry.saved_model_file import UnreadableArchive, check_parts, names_in
from seatrial.registry.torch_file import UnreadableTorch, pickle_of
from seatrial.registry.zip_faults import BROKEN

TOKENIZER: Final = "tokenizer.json"
"""The tokenizer as its fast library reads it."""

_CONFIG: Final = "config.json"
_ADAPTER: Final = "adapter_config.json"
_SETTINGS: Final = (_CONFIG, "tokenizer_config.json")
"""Files that can name code of the folder's own."""
_SAFE: Final = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
_PICKLED: Final = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin")
_WORDS: Final = frozenset(
    (
        TOKENIZER,
        "added_tokens.json",
        "bpe.codes",
        "merges.txt",
        "sentencepiece.bpe.model",
        "sentencepiece.model",
        "source.spm",
        "special_tokens_map.json",
        "spiece.model",
        "spm.model",
        "tokenizer.model",
        "tokenizer_config.json",
        "vocab.json",
        "vocab.txt",
    )
)
"""What tokenizers keep their vocabularies in."""
_VOCABULARIES: Final = _WORDS - {
    "added_tokens.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
}
_HEAD: Final = "ForSequenceClassification"
_MAX_JSON_BYTES: Final = 64 << 20
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class NoTextClassifier(Invalid):
    """The folder of Hugging Face holds another kind of model than one that classifies texts."""

    code = "model.no_text_classifier"


class FolderIncomplete(Invalid):
    """The folder of Hugging Face lacks the weights or the tokenizer."""

    code = "model.folder_incomplete"


class BringsCode(Exception):
    """A configuration names code of its own; the message is the file that does."""


def is_model_folder(path: Path) -> bool:
    """Whether a path is a folder as ``save_pretrained`` writes it, or an adapter's."""
    if (path / _ADAPTER).is_file():
        return True
    try:
        config = json.loads((path / _CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and not config.keys().isdisjoint(
        ("architectures", "model_type", "transformers_version")
    )


def is_packed_folder(path: Path) -> bool:
    """Whether a zip archive, which is none of Keras's, holds such a folder at its root."""
    return not names_in(path).isdisjoint((_CONFIG, _ADAPTER))


@contextmanager
def packed_folder(model: Path) -> Iterator[Path]:
    """A folder's files as one, for as long as it is needed; a file is given back as it is."""
    if not model.is_dir() or not is_model_folder(model):
        yield model
        return
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        packed = Path(scratch) / (model.resolve().name or "model")
        pack_folder(model, packed)
        yield packed


def pack_folder(folder: Path, target: Path) -> None:
    """Write what answers of a folder as one file.

    Links are followed: in Hugging Face's own cache each file is one. Of weights in two forms the
    pickled ones stay behind, as do checkpoints, optimisers and other frameworks' weights.
    """
    files = {file.name: file for file in sorted(folder.iterdir()) if file.is_file()}
    safe = any(_SAFE.fullmatch(name) for name in files)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, file in files.items():
            if not _answers(name, safe=safe):
                continue
            part = zipfile.ZipInfo(name, _EPOCH)
            part.file_size = file.stat().st_size
            with file.open("rb") as source, archive.open(part, "w") as sink:
                shutil.copyfileobj(source, sink)


def _answers(name: str, *, safe: bool) -> bool:
    """Whether a file of a folder is needed for an answer."""
    stem = name.removesuffix(".index.json")
    weights = _SAFE if safe else _PICKLED
    return name in _WORDS | {_CONFIG, _ADAPTER} or weights.fullmatch(stem) is not None


def check_folder(path: Path, *, limit: int) -> tuple[Trace, ...]:
    """See that an archive is a whole text classifier without code of its own.

    Args: limit: bytes that all of it may unpack to.
    Returns: what its pickled weights would import, one each.
    Raises: UnreadableArchive; NoTextClassifier; FolderIncomplete; BringsCode.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_parts(archive, limit)
            names = frozenset(archive.namelist())
            found = {name: _json(archive, name) for name in _SETTINGS if name in names}
            _check_kind(path, names, found.get(_CONFIG, {}))
            _check_whole(path, names)
            for name, settings in found.items():
                if settings.get("auto_map"):
                    raise BringsCode(name)
            pickled = sorted(name for name in names if _PICKLED.fullmatch(name))
            return tuple(_traced(archive, name, limit) for name in pickled)
    except BROKEN as error:
        raise UnreadableArchive(str(error) or type(error).__name__) from error


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    if archive.getinfo(name).file_size > _MAX_JSON_BYTES:
        raise UnreadableArchive(f"its {name} has more than {_MAX_JSON_BYTES:,} bytes")
    try:
        found = json.loads(archive.read(name))
    except (ValueError, RecursionError) as error:
        raise UnreadableArchive(f"its {name} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise UnreadableArchive(f"its {name} is no mapping")
    return found


def _check_kind(path: Path, names: frozenset[str], config: dict[str, Any]) -> None:
    """Refuse what classifies no texts.   Raises: NoTextClassifier."""
    if _ADAPTER in names and not any(map(is_weights, names)):
        raise NoTextClassifier(
            f"{path.name} holds an adapter, not the model that it adapts.",
            remedy="Merge both and save the whole: model.merge_and_unload().save_pretrained(d), "
            "tokenizer.save_pretrained(d).",
        )
    heads = [str(name) for name in config.get("architectures") or ()]
    if not heads or not heads[0].endswith(_HEAD):
        what = f"a {heads[0]}" if heads else "a model whose configuration names no architecture"
        raise NoTextClassifier(
            f"{path.name} holds {what}, and only text classifiers ({_HEAD}) are read.",
            remedy="Fine-tune the model with AutoModelForSequenceClassification and save that; "
            "serve another kind of model as a class, module.py:Class.",
            architectures=heads,
        )


def _check_whole(path: Path, names: frozenset[str]) -> None:
    """See that there are weights and a vocabulary.   Raises: FolderIncomplete."""
    if not any(map(is_weights, names)):
        raise FolderIncomplete(
            f"{path.name} has no weights: neither model.safetensors nor pytorch_model.bin.",
            remedy="Save the model into it with model.save_pretrained(folder).",
        )
    if names.isdisjoint(_VOCABULARIES):
        raise FolderIncomplete(
            f"{path.name} has no tokenizer: no {TOKENIZER} and no vocabulary.",
            remedy="Save the model's own into it with tokenizer.save_pretrained(folder).",
        )


def is_weights(name: str) -> bool:
    """Whether a file holds weights, or some of them."""
    return bool(_SAFE.fullmatch(name) or _PICKLED.fullmatch(name))


def _traced(archive: zipfile.ZipFile, name: str, limit: int) -> Trace:
    """What the pickle of some weights would import, without running it."""
    try:
        with archive.open(name) as weights:
            return pickle_of(weights, limit=limit)
    except UnreadableTorch as error:
        raise UnreadableArchive(f"of its {name}: {error}") from error
