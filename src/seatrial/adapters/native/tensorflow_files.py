"""Loading TensorFlow's files: Keras's own, and SavedModels with one of their signatures."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from seatrial.adapters.native.keras_h5 import refuse_links
from seatrial.adapters.native.tensorflow_model import TensorflowModel
from seatrial.adapters.native.threads import allowed_threads
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel, FileFormat
from seatrial.registry.saved_model_file import NoSignature, UnreadableArchive, unpack
from seatrial.registry.scan import MAX_MODEL_BYTES, ScanReport
from seatrial.registry.unsafe import LostDefinition

_SETTINGS: Final = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_WEIGHTS: Final = "model.weights.h5"
_MOST_NAMES: Final = 8
_UNKNOWN: Final = ("Could not locate", "Unknown layer", "Unknown activation")
"""How Keras says that a class or a function of somebody's own is not there."""


def load_tensorflow(path: Path, report: ScanReport) -> TensorflowModel:
    """The model in a scanned file.

    Raises: MissingLibrary, CorruptModel, LostDefinition, NoSignature, UnsafeModel,
        UnsupportedModel.
    """
    _prepare(path)
    try:
        if report.format is FileFormat.SAVED_MODEL:
            return _saved(path)
        model = _keras(path, report.format, safe=not report.trusted)
        return TensorflowModel.of_keras(model)
    except (SeatrialError, MemoryError):
        raise
    except UnreadableArchive as problem:
        raise CorruptModel(
            f"{path.name} is a damaged SavedModel: {problem}.",
            remedy="Copy or save the folder again, whole.",
        ) from problem
    except Exception as error:
        raise _failed(path, error) from error


def _prepare(path: Path) -> None:
    """Import TensorFlow, held to the CPU and to the threads this process may use."""
    os.environ.update(_SETTINGS)
    try:
        import keras  # noqa: F401  imported by TensorFlow too, and named when it is missing
        import tensorflow as tf
    except ModuleNotFoundError as error:
        raise missing_library((error.name or "").partition(".")[0], path=path) from error
    tf.config.threading.set_intra_op_parallelism_threads(allowed_threads())
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _keras(path: Path, kind: FileFormat, *, safe: bool) -> Any:
    import h5py
    import keras

    alone = kind is FileFormat.KERAS_H5
    with h5py.File(path if alone else _weights(path)) as file:
        refuse_links(path.name, file)
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        named = Path(scratch) / (
            "model.h5" if alone else "model.keras"
        )  # Keras reads a file by its ending
        named.symlink_to(path.resolve())
        return keras.saving.load_model(named, compile=False, safe_mode=safe)


def _weights(path: Path) -> io.BytesIO:
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(_WEIGHTS))


def _saved(path: Path) -> TensorflowModel:
    import tensorflow as tf

    with TemporaryDirectory(prefix="seatrial-") as scratch:
        wanted = unpack(path, Path(scratch), limit=MAX_MODEL_BYTES)
        loaded = tf.saved_model.load(scratch)
    names = sorted(loaded.signatures)
    if wanted not in names:
        raise _no_signature(path, wanted, names)
    return TensorflowModel.of_signature(loaded, loaded.signatures[wanted])


def _no_signature(path: Path, wanted: str, names: list[str]) -> NoSignature:
    if not names:
        return NoSignature(
            f"{path.name} is a SavedModel without signatures, so nothing says what it takes.",
            remedy="Write it again with one: model.export(folder) for Keras, or "
            "tf.saved_model.save(model, folder, signatures=function) with a tf.function that has "
            "an input_signature.",
        )
    return NoSignature(
        f"{path.name} has no signature {wanted!r}.",
        remedy="Choose one of its own with --signature: " + ", ".join(names[:_MOST_NAMES]) + ".",
        signatures=names[:_MOST_NAMES],
    )


def _failed(path: Path, error: Exception) -> SeatrialError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = (
        f"{path.name} cannot be loaded: {(lines or [type(error).__name__])[0][:200].rstrip(' .')}."
    )
    if isinstance(error, TypeError | ValueError) and any(w in str(error) for w in _UNKNOWN):
        return LostDefinition(
            said,
            remedy="Write it as a SavedModel with model.export(folder): that needs no class.",
        )
    return CorruptModel(
        said,
        remedy="Save the model again, with the version of TensorFlow that is installed here.",
    )
