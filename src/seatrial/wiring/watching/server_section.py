"""Gives a server's own monitor the configuration of `monitoring.yaml`: a section of seatrial.yaml.

A server reads its settings once, when it starts. So the section is put into `seatrial.yaml` where
it has none; one that says something else is never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import yaml

from seatrial.kernel.errors import Conflict
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.packaging.yaml_text import dump
from seatrial.wiring.settings import FILE
from seatrial.wiring.workspace import Workspace

_SECTION = "monitoring"


class MonitoringDiffers(Conflict):
    """`seatrial.yaml` has a section ``monitoring`` that says something else."""

    code = "monitoring.differs"


class Section(StrEnum):
    """How the section stands."""

    SAME = "same"
    MISSING = "missing"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How `seatrial.yaml` stands to a configuration of the watch.

    Args:
        path: of the file.
        section: how its section stands.
        keys: that differ, if some do.
        text: the section as it should be.
    """

    path: Path
    section: Section
    keys: tuple[str, ...]
    text: str


def standing(file: MonitoringFile, workspace: Workspace) -> Standing:
    """Compare the section of the workspace's settings with a configuration."""
    path = workspace.config or Path(FILE).resolve()
    wanted, has = file.of_server(), workspace.settings.monitoring
    keys = tuple(
        name
        for name in MonitoringConfig.model_fields
        if getattr(wanted, name) != getattr(has, name)
    )
    if not keys:
        section = Section.SAME
    else:
        section = Section.DIFFERENT if _has_section(path) else Section.MISSING
    record = wanted.model_dump(mode="json", exclude_unset=True, by_alias=True)
    text = dump({_SECTION: record}, comment="From monitoring.yaml, by seatrial monitor start.")
    return Standing(path=path, section=section, keys=keys, text=text)


def give_section(found: Standing) -> bool:
    """Append the section where there is none; whether something was written.

    Raises: MonitoringDiffers.
    """
    if found.section is Section.DIFFERENT:
        raise MonitoringDiffers(
            f"The section monitoring of {found.path} differs in: {', '.join(found.keys)}.",
            remedy="Make the two files say the same, or take the section out of seatrial.yaml.",
            keys=list(found.keys),
        )
    if found.section is Section.SAME:
        return False
    before = found.path.read_text(encoding="utf-8") if found.path.is_file() else ""
    gap = "\n" if before and not before.endswith("\n") else ""
    found.path.write_text(f"{before}{gap}{found.text}", encoding="utf-8")
    return True


def _has_section(path: Path) -> bool:
    if not path.is_file():
        return False
    return _SECTION in (yaml.safe_load(path.read_text(encoding="utf-8")) or {})
