"""Triton as in the serving benchmark, asked over gRPC."""

from __future__ import annotations

from benchmarks.serving.peer import Command, Place
from benchmarks.serving.peers.triton import GRPC, Triton, tritonserver
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.wire import INFERENCE_GRPC, Wire


class TritonGrpc(Triton):
    """tritonserver with its gRPC address only."""

    name = "triton-grpc"
    title = "Triton, gRPC"

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """The Open Inference Protocol's gRPC form."""
        return INFERENCE_GRPC

    def command(self, place: Place, model: Model) -> Command:
        """The server binary with one model loaded."""
        return tritonserver(place.environment, place.folder / "models", GRPC.format(place.port))
