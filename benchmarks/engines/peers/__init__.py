"""The servers compared; those of the serving benchmark besides what is here."""

from __future__ import annotations

from benchmarks.engines.peers.bentoml import BentoML
from benchmarks.engines.peers.fastapi import FastAPI
from benchmarks.engines.peers.rayserve import RayServe
from benchmarks.engines.peers.seatrial import SeatrialGrpc, SeatrialTriton
from benchmarks.engines.peers.torchserve import TorchServe
from benchmarks.engines.peers.triton import TritonGrpc
from benchmarks.serving.peer import Peer
from benchmarks.serving.peers.mlserver import MLServer
from benchmarks.serving.peers.seatrial import Seatrial
from benchmarks.serving.peers.triton import Triton

PEERS: tuple[Peer, ...] = (
    Seatrial(),
    SeatrialGrpc(),
    FastAPI(),
    Triton(),
    TritonGrpc(),
    SeatrialTriton(),
    MLServer(),
    BentoML(),
    TorchServe(),
    RayServe(),
)
"""In the order they take turns."""
