"""The servers compared: one file each, with its settings and the reason for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.serving.peer import Peer
from benchmarks.serving.peers.floor import Floor
from benchmarks.serving.peers.litserve import LitServe
from benchmarks.serving.peers.mlserver import MLServer
from benchmarks.serving.peers.seatrial import Seatrial
from benchmarks.serving.peers.triton import Triton

NAMES = ("seatrial", "floor", "litserve", "mlserver", "triton")
"""Every server, in the order they take turns."""


def every(bundles: Mapping[str, Path]) -> tuple[Peer, ...]:
    """The servers of NAMES; `bundles` as in `Seatrial`."""
    return (Seatrial(bundles=bundles), Floor(), LitServe(), MLServer(), Triton())
