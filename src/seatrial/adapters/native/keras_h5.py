"""Keras's old files of a whole model (.h5), as far as HDF5 goes: for the scan, without Keras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel
from seatrial.registry.unsafe import UnsafeModel

if TYPE_CHECKING:
    import h5py

_CONFIGURATION: Final = "model_config"


def configuration_of(path: Path) -> str | None:
    """What a file says of the model in it; None where it holds none.

    Raises: MissingLibrary, CorruptModel.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise missing_library("keras", path=path) from error
    try:
        with h5py.File(path) as file:
            found = file.attrs.get(_CONFIGURATION)
        # Keras decodes bytes likewise, so that what is judged is what is built.
        text = found.decode("utf-8") if isinstance(found, bytes) else found
    except Exception as error:  # the border to HDF5, which says in many ways that bytes are wrong
        raise _corrupt(path, str(error)) from error
    if text is None or isinstance(text, str):
        return text
    raise _corrupt(path, f"its {_CONFIGURATION} is no text")


def refuse_links(name: str, file: h5py.File) -> None:
    """See that all of a file is in it: HDF5 can refer to any other file of the machine.

    Raises: UnsafeModel.
    """
    import h5py

    def leads(at: str, link: Any) -> str | None:
        return at if isinstance(link, h5py.ExternalLink) else None

    def refers(at: str, item: Any) -> str | None:
        far = isinstance(item, h5py.Dataset) and (item.external or item.is_virtual)
        return at if far else None

    found = file.visititems_links(leads) or file.visititems(refers)
    if found is not None:
        raise UnsafeModel(
            f"The weights {found!r} of {name} are in another file, which no saved model does.",
            remedy="Do not load this file. Ask whoever made it.",
        )


def _corrupt(path: Path, why: str) -> CorruptModel:
    return CorruptModel(
        f"{path.name} is a damaged HDF5 file: {why[:200].rstrip(' .')}.",
        remedy="Copy or save the file again; compare its size with the original.",
    )
