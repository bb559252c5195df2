"""Loading Hugging Face's folders: what is packed of them, and nothing from any network."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from seatrial.adapters.native.huggingface_model import HuggingfaceModel
from seatrial.adapters.native.threads import allowed_threads
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.huggingface_file import FolderIncomplete, is_weights
from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel

_SETTINGS: Final = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "USE_TF": "0",
}


def load_huggingface(path: Path) -> HuggingfaceModel:
    """The model in a scanned archive.

    Its weights are read from the archive itself: they are larger than a file that this process may
    write.

    Raises: MissingLibrary, CorruptModel, FolderIncomplete, UnsupportedModel.
    """
    _prepare(path)
    try:
        with TemporaryDirectory(prefix="seatrial-") as scratch, zipfile.ZipFile(path) as archive:
            weights = list(filter(is_weights, archive.namelist()))
            archive.extractall(scratch, [n for n in archive.namelist() if n not in weights])
            tokenizer = _tokenizer(path, scratch)
            model = _model(path, scratch, _tensors(archive, weights))
    except (SeatrialError, MemoryError):
        raise
    except Exception as error:
        raise _failed(path, error) from error
    return HuggingfaceModel(model, tokenizer)


def _tensors(archive: zipfile.ZipFile, weights: list[str]) -> dict[str, Any]:
    """The weights by name.   Raises: what their libraries raise."""
    import torch
    from safetensors.torch import load

    found: dict[str, Any] = {}
    for name in sorted(weights):
        content = archive.read(name)
        if name.endswith(".safetensors"):
            found |= load(content)
        else:
            found |= torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return found


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


def _model(path: Path, folder: str, weights: dict[str, Any]) -> Any:
    """The model with all of its weights.   Raises: CorruptModel; what transformers raises."""
    import transformers

    config = transformers.AutoConfig.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    kind = _class_of(config.architectures[0])
    if kind is None:
        raise CorruptModel(
            f"{path.name} is a {config.architectures[0]}, which transformers "
            f"{transformers.__version__} does not have.",
            remedy="Install the version of transformers that it was saved with.",
        )
    found, said = kind.from_pretrained(
        None, config=config, state_dict=weights, output_loading_info=True
    )
    if missing := sorted(said["missing_keys"]):
        raise CorruptModel(
            f"The weights of {path.name} lack {missing[0]!r}, so its answers would be of chance.",
            remedy="Train the model's head and save it again with model.save_pretrained(folder).",
        )
    return found.float().eval()


def _class_of(name: str) -> Any:
    """A model's class by its name; None where transformers has none of that name."""
    import transformers

    found = getattr(transformers, name, None)
    is_model = isinstance(found, type) and issubclass(found, transformers.PreTrainedModel)
    return found if is_model else None


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
