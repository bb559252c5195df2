"""The gateways compared: one file each, with its settings and the reason for each."""

from __future__ import annotations

from benchmarks.gateway.peer import Peer
from benchmarks.gateway.peers.ferrogw import Ferrogw
from benchmarks.gateway.peers.floors import FloorAsgi, FloorRaw
from benchmarks.gateway.peers.litellm import LiteLLM
from benchmarks.gateway.peers.portkey import Portkey
from benchmarks.gateway.peers.rolter import Rolter
from benchmarks.gateway.peers.seatrial import Seatrial

PEERS: tuple[Peer, ...] = (
    Seatrial(),
    FloorRaw(),
    FloorAsgi(),
    Ferrogw(),
    Rolter(),
    Portkey(),
    LiteLLM(),
)
"""Every gateway, in the order they take turns."""
