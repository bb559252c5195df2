"""Models that are refused for what they import or do, and the way out of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from seatrial.kernel.errors import Denied, Invalid
from seatrial.registry.allowed import Import
from seatrial.registry.pickle_trace import Trace

_HOSTILE: Final = frozenset(
    (
        "asyncio",
        "builtins",
        "code",
        "commands",
        "ctypes",
        "importlib",
        "io",
        "marshal",
        "multiprocessing",
        "nt",
        "os",
        "pickle",
        "pip",
        "platform",
        "posix",
        "pty",
        "runpy",
        "shutil",
        "socket",
        "subprocess",
        "sys",
        "tempfile",
        "timeit",
        "urllib",
        "webbrowser",
    )
)
"""Modules whose functions run programs or code, or reach files and the network. Whoever refers to
them from a model has no model in mind, so nobody is told how to load it nevertheless."""


class UnsafeModel(Denied):
    """The model imports something outside the known model libraries."""

    code = "model.unsafe"


class LostDefinition(Invalid):
    """The model needs a class or function that exists only in the script that saved it."""

    code = "model.lost_definition"


def refuse_reaching(path: Path, words: tuple[str, ...]) -> None:
    """Refuse TorchScript that names what reads or writes files.   Raises: UnsafeModel."""
    if words:
        raise UnsafeModel(
            f"The TorchScript of {path.name} uses {', '.join(map(repr, words))}, by which a "
            "script can read or write files.",
            remedy="Rename a method of your own that is called so; pass --trust if you made the "
            "file yourself; otherwise do not load it.",
            imports=list(words),
        )


def refuse_lost(path: Path, imports: Iterable[Import]) -> None:
    """Refuse what only the script that saved it had.   Raises: LostDefinition."""
    lost = [i.name for i in imports if i.module == "__main__"]
    if lost:
        raise LostDefinition(
            f"{path.name} needs {lost[0]!r}, which exists only in the script that saved it.",
            remedy=f"Move {lost[0]!r} into a module of its own, then save the model again.",
            names=lost,
        )


def refuse_unsafe(path: Path, traced: Trace, refused: frozenset[Import]) -> None:
    """Refuse a pickle that computes imports, opens files, or imports what is refused.

    Raises: UnsafeModel.
    """
    if traced.computed:
        raise UnsafeModel(
            f"{path.name} computes the name of what it imports, which no model does.",
            remedy="Do not load this file. Ask whoever made it.",
        )
    if traced.opens_files:
        raise UnsafeModel(
            f"{path.name} makes a booster of a file that it names, which no saved model does.",
            remedy="Do not load this file. Ask whoever made it.",
        )
    refuse_imports(path, refused)


def refuse_imports(path: Path, refused: frozenset[Import]) -> None:
    """Refuse a file for its imports, if there are any.   Raises: UnsafeModel."""
    if not refused:
        return
    names = [str(i) for i in sorted(refused)]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    raise UnsafeModel(
        f"{path.name} imports {shown}, which is outside the known model libraries.",
        remedy=_way_out(refused),
        imports=names,
    )


def _way_out(refused: frozenset[Import]) -> str:
    modules = {i.module.partition(".")[0] for i in refused}
    if any(i.module.startswith("scipy.stats") for i in refused):
        return "Save the fitted model alone (search.best_estimator_), without the search around it."
    if "cloudpickle" in modules:
        return (
            "It carries code. Move that code into a module and save with pickle, or pass --trust "
            "if you made the file yourself."
        )
    if not modules.isdisjoint(_HOSTILE):
        return "Do not load this file: no model needs that. Ask whoever made it."
    return "Pass --trust if you made the file yourself; otherwise do not load it."
