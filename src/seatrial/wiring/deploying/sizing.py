"""Sizing a registered version by what its staging measured, and telling its files."""

from __future__ import annotations

import json

from seatrial.packaging.replicas import NotMeasured, Replicas, Wanted, replicas_for
from seatrial.packaging.staging_report import StagingReport
from seatrial.wiring.deploying.bundles import Subject, registered
from seatrial.wiring.deploying.files import measured_of, write_files
from seatrial.wiring.workspace import Workspace


def sized(workspace: Workspace, subject: Subject, wanted: Wanted) -> Replicas:
    """What a version needs.

    Args: subject: with its number.
    Raises: NotMeasured, TooSlow, TooMany; ModelUnknown, VersionUnknown.
    """
    report = staging_report(workspace, subject)
    measured = measured_of(report)
    if measured is None:
        why = "measured no load" if report.passed else "failed"
        raise NotMeasured(
            f"The staging of {subject.name} version {subject.number} {why}.",
            remedy="Size a version whose staging passed; prompts and indexes are sized by their "
            "provider.",
        )
    return replicas_for(wanted, measured)


def write_sized(workspace: Workspace, subject: Subject, replicas: Replicas) -> None:
    """Write a version's files anew, with what its autoscaler is to be told.

    Raises: as `packaging.files.write_files`.
    """
    version, bundle = registered(workspace, subject)
    report = staging_report(workspace, subject)
    write_files(workspace, bundle, report, version.number, replicas=replicas)


def staging_report(workspace: Workspace, subject: Subject) -> StagingReport:
    """What the staging of a version left.   Raises: NotMeasured."""
    path = workspace.release_folder(subject.name, subject.number or 0) / "staging.json"
    try:
        return StagingReport.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise NotMeasured(
            f"There is no {path}: the version was not staged here.",
            remedy=f"Deploy {subject.name} to staging here, then size it.",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotMeasured(
            f"{path} cannot be read as a staging report ({error}).",
            remedy="Deploy the version again, which writes it anew.",
        ) from error
