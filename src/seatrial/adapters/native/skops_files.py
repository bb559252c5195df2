"""Loading skops files: of what skops itself does not trust, only what our own list allows."""

from __future__ import annotations

from pathlib import Path

from seatrial.adapters.native.pickles import refusal
from seatrial.registry.allowed import Import, is_allowed
from seatrial.registry.missing_library import missing_library
from seatrial.registry.scan import ScanReport


def load_skops(path: Path, report: ScanReport) -> object:
    """The object in a skops file.

    Args: report: what the scan said of it; its ``trusted`` lifts the rules.
    Raises: UnsafeModel, MissingLibrary, and whatever skops raises.
    """
    try:
        from skops.io import get_untrusted_types, load
    except ImportError as error:
        raise missing_library("skops", path=path) from error
    wanted: list[str] = get_untrusted_types(file=path)
    for name in wanted:
        module, _, rest = name.rpartition(".")
        if not report.trusted and not is_allowed(Import(module, rest)):
            raise refusal(Import(module, rest))
    found: object = load(path, trusted=wanted)
    return found
