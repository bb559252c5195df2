"""Loading TensorFlow's files: Keras's own, and SavedModels with one of their signatures."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from seatrial.adapters.native.tensorflow_model import TensorflowModel
from seatrial.adapters.native.threads import allowed_threads
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel, FileFormat
from seatrial.registry.saved_model_file import NoSignature, UnreadableArchive, unpack
from seatrial.registry.scan import MAX_MODEL_BYTES, ScanReport
from seatrial.registry.unsafe import LostDefinition, UnsafeModel

_SETTINGS: Final = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_WEIGHTS: Final = "model.weights.h5"
_MOST_NAMES: Final = 8


def load_tensorflow(path: Path, report: ScanReport) -> TensorflowModel:
    """The model in a scanned file.

    Raises: MissingLibrary, CorruptModel, LostDefinition, NoSignature, UnsafeModel,
        UnsupportedModel.
    """
    _prepare(path)
    try:
        if report.format is FileFormat.KERAS:
            return TensorflowModel.of_keras(_keras(path, safe=not report.trusted))
        return _saved(path)
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


def _keras(path: Path, *, safe: bool) -> Any:
    import keras

    _refuse_links(path)
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        named = Path(scratch) / "model.keras"  # Keras reads a file by its ending
        named.symlink_to(path.resolve())
        return keras.saving.load_model(named, compile=False, safe_mode=safe)


def _refuse_links(path: Path) -> None:
    """See that the weights are in the file: HDF5 can refer to any other file of the machine."""
    import h5py

    def leads(name: str, link: Any) -> str | None:
        return name if isinstance(link, h5py.ExternalLink) else None

    def refers(name: str, item: Any) -> str | None:
        far = isinstance(item, h5py.Dataset) and (item.external or item.is_virtual)
        return name if far else None

    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read(_WEIGHTS))
    with h5py.File(content) as weights:
        found = weights.visititems_links(leads) or weights.visititems(refers)
    if found is not None:
        raise UnsafeModel(
            f"The weights {found!r} of {path.name} are in another file, which no saved model does.",
            remedy="Do not load this file. Ask whoever made it.",
        )


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
    if isinstance(error, TypeError) and "Could not locate" in str(error):
        return LostDefinition(
            said,
            remedy="Write it as a SavedModel with model.export(folder): that needs no class.",
        )
    return CorruptModel(
        said,
        remedy="Save the model again, with the version of TensorFlow that is installed here.",
    )
