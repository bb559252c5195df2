"""Results of a part on disk, so that a part can be measured again by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.engines.quantised import Quantised
from benchmarks.serving.load import Figures
from benchmarks.serving.machine import Machine
from benchmarks.serving.run import Failure, Loaded, Outcome, Settings, Start, Timing

_KINDS = {kind.__name__: kind for kind in (Timing, Start, Loaded, Failure)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A part's results.

    Args:
        day: in ISO form.
        titles: of the servers, by name, in order.
        versions: by server, then by package.
        quantised: graphs of 8 bits, in that part.
    """

    machine: Machine
    day: str
    settings: Settings
    titles: Mapping[str, str]
    versions: Mapping[str, Mapping[str, str]]
    outcomes: Sequence[Outcome]
    quantised: Sequence[Quantised] = ()


def keep(path: Path, measured: Measured) -> None:
    """Write a part's results whole, or not at all."""
    record = asdict(measured)
    record["outcomes"] = [{"kind": type(o).__name__, **asdict(o)} for o in measured.outcomes]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(record, indent=1))
    draft.replace(path)


def read(path: Path) -> Measured | None:
    """A part's newest results, if there are any."""
    if not path.is_file():
        return None
    record = json.loads(path.read_text())
    return Measured(
        machine=Machine(**record["machine"]),
        day=record["day"],
        settings=Settings(**record["settings"]),
        titles=record["titles"],
        versions=record["versions"],
        outcomes=[_outcome(one) for one in record["outcomes"]],
        quantised=[Quantised(**one) for one in record["quantised"]],
    )


def _outcome(record: dict[str, Any]) -> Outcome:
    kind = _KINDS[record.pop("kind")]
    if kind is Timing:
        record["figures"] = Figures(**record["figures"])
    made: Outcome = kind(**record)
    return made
