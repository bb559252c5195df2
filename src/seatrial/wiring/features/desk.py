"""Puts the desk together that shows how features stand."""

from __future__ import annotations

import time
from functools import partial

from seatrial.features.desk import FeatureDesk
from seatrial.features.view import Repository
from seatrial.kernel.store import Presence
from seatrial.wiring.features.commands import folder_of, open_repository
from seatrial.wiring.features.skew import last_comparison
from seatrial.wiring.workspace import Workspace


def feature_desk(workspace: Workspace, presence: Presence, fixed: Repository | None) -> FeatureDesk:
    """The desk of a server that looks features up.

    Args: fixed: what is registered, where it is no file that can be read anew.
    """

    def registered() -> Repository:
        return fixed or open_repository(folder_of(workspace)).repository()

    return FeatureDesk(
        registered,
        workspace.settings.features.endpoints,
        presence,
        compared=partial(last_comparison, workspace),
        now_s=time.time,
    )
