"""Loading PyTorch's files: pickles under the rules of the scan, the rest as PyTorch reads it."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from seatrial.adapters.native.pickles import find_of
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.allowed import Import, named
from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel, FileFormat
from seatrial.registry.scan import ScanReport
from seatrial.registry.unsafe import LostDefinition
from seatrial.serving.failures import NotAModel, StateDict, WrongClass

if TYPE_CHECKING:
    from seatrial.adapters.native.torch_model import TorchModel


def load_torch(path: Path, report: ScanReport, *, code: str | None = None) -> TorchModel:
    """The model in a scanned file of PyTorch.

    Args: code: of a state dict, what makes its module, ``module:callable``.
    Raises: MissingLibrary, StateDict, WrongClass, NotAModel, LostDefinition, CorruptModel,
        UnsafeModel, UnsupportedModel.
    """
    from seatrial.adapters.native.torch_model import TorchModel

    torch = _torch(path)
    try:
        match report.format:
            case FileFormat.TORCHSCRIPT:
                return TorchModel(torch.jit.load(path, map_location="cpu"), scripted=True)
            case FileFormat.TORCH_EXPORT:
                return TorchModel.of_program(torch.export.load(path))
        found = _saved(torch, path, report)
    except (SeatrialError, MemoryError):
        raise
    except ModuleNotFoundError as error:
        raise missing_library((error.name or "").partition(".")[0], path=path) from error
    except AttributeError as error:
        raise LostDefinition(
            f"{path.name} needs a class that its module does not have here: {error}.",
            remedy="Install the version of your code that the model was saved with, or save it "
            "with torch.jit.save.",
        ) from error
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise CorruptModel(
            f"PyTorch cannot load {path.name}: {lines[0][:200].rstrip(' .')}.",
            remedy="Save the model again, with the version of PyTorch that is installed here.",
        ) from error
    weights = _weights(found, torch)
    if weights is not None and code is not None:
        return TorchModel(_filled(path, code, weights, torch))
    if isinstance(found, torch.nn.Module):
        return TorchModel(found)
    raise _no_module(path, found, weights)


def _torch(path: Path) -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise missing_library("torch", path=path) from error
    return torch


def _saved(torch: Any, path: Path, report: ScanReport) -> object:
    """The object of a ``torch.save``; the rules hold again while it is unpickled."""

    class Unpickler(pickle.Unpickler):
        _find: Callable[[Import], object] = staticmethod(find_of(report))

        def find_class(self, module_name: str, global_name: str, /) -> object:
            return self._find(named(module_name, global_name))

    reader = SimpleNamespace(Unpickler=Unpickler, load=pickle.load, __name__=__name__)
    return torch.load(path, map_location="cpu", weights_only=False, pickle_module=reader)


def _weights(found: object, torch: Any) -> Mapping[str, Any] | None:
    """The state dict that was saved, by itself or in a checkpoint under its usual name."""
    inner = found.get("state_dict", found) if isinstance(found, Mapping) else None
    if isinstance(inner, Mapping) and any(isinstance(v, torch.Tensor) for v in inner.values()):
        return inner
    return None


def _filled(path: Path, code: str, weights: Mapping[str, Any], torch: Any) -> Any:
    """The module that a person's own code makes, with the weights of the file in it."""
    where, _, name = code.partition(":")
    try:
        module = getattr(importlib.import_module(where), name)()
    except Exception as error:
        raise WrongClass(
            f"{code} cannot be called: {type(error).__name__}: {str(error)[:200]}.",
            remedy="Give --class as module:callable, importable from this folder, that returns "
            "the module without arguments: a class, or a function that calls it.",
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise WrongClass(
            f"{code} gives a {type(module).__name__}, not a torch.nn.Module.",
            remedy="Name the class of the model, or a function that returns one.",
        )
    try:
        module.load_state_dict(weights)
    except (RuntimeError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise WrongClass(
            f"The weights of {path.name} do not fit {code}: {lines[-1][:200]}",
            remedy="Name the class, with the sizes, that the weights were saved from.",
        ) from error
    return module


def _no_module(path: Path, found: object, weights: Mapping[str, Any] | None) -> NotAModel:
    if weights is not None:
        return StateDict(
            f"{path.name} is a state dict: weights without the model they belong to.",
            remedy=f"Run: seatrial export {path.name} --class module:Class --to torchscript "
            "--data rows.npz  and deploy the file that it writes.",
        )
    return NotAModel(
        f"{path.name} holds a {type(found).__name__}, not a torch.nn.Module.",
        remedy="Save the model itself with torch.save(model), or with torch.jit.save.",
    )
