"""Loading Hugging Face's folders: what is packed of them, and nothing from any network."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from seatrial.adapters.native.huggingface_model import HuggingfaceModel
from seatrial.adapters.native.threads import allowed_threads
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.huggingface_file import FolderIncomplete
from seatrial.registry.model_file import CorruptModel, missing_library
from seatrial.registry.zip_faults import BROKEN

_SETTINGS: Final = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "USE_TF": "0",
}


def load_huggingface(path: Path) -> HuggingfaceModel:
    """The model in a scanned archive.

    Raises: MissingLibrary, CorruptModel, FolderIncomplete, UnsupportedModel.
    """
    _prepare(path)
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(scratch)
        except BROKEN as error:
            raise _failed(path, error) from error
        tokenizer = _tokenizer(path, scratch)
        return HuggingfaceModel(_model(path, scratch), tokenizer)


def _prepare(path: Path) -> None:
    os.environ.update(_SETTINGS)
    try:
        import torch
        import transformers
    except ModuleNotFoundError as error:
        raise missing_library((error.name or "").partition(".")[0], path=path) from error
    torch.set_num_threads(allowed_threads())
    transformers.utils.logging.disable_progress_bar()


def _tokenizer(path: Path, folder: str) -> Any:
    """The fast tokenizer; one of an older form is converted."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_fast=True
        )
    except MemoryError:
        raise
    except Exception as error:
        raise _without_tokenizer(path, f"cannot be loaded ({_said(error)})") from error
    if not getattr(found, "is_fast", False):
        raise _without_tokenizer(path, f"is a {type(found).__name__}, which has no fast form")
    return found


def _model(path: Path, folder: str) -> Any:
    """The model with all of its weights.   Raises: CorruptModel."""
    from transformers import AutoModelForSequenceClassification

    try:
        found, said = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, output_loading_info=True
        )
    except (SeatrialError, MemoryError):
        raise
    except Exception as error:
        raise _failed(path, error) from error
    if missing := sorted(said["missing_keys"]):
        raise CorruptModel(
            f"The weights of {path.name} lack {missing[0]!r}, so its answers would be of chance.",
            remedy="Train the model's head and save it again with model.save_pretrained(folder).",
        )
    return found.float().eval()


def _without_tokenizer(path: Path, why: str) -> FolderIncomplete:
    return FolderIncomplete(
        f"The tokenizer of {path.name} {why}.",
        remedy="Save a fast one beside the model: AutoTokenizer.from_pretrained(name)"
        ".save_pretrained(folder) writes a tokenizer.json where there is one.",
    )


def _failed(path: Path, error: Exception) -> CorruptModel:
    return CorruptModel(
        f"{path.name} cannot be loaded: {_said(error)}.",
        remedy="Save the model again with save_pretrained, with the version of transformers that "
        "is installed here.",
    )


def _said(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:200].rstrip(" .:")
