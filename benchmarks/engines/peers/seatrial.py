"""seatrial in two further ways: asked over gRPC, and in front of Triton.

- Over gRPC it is asked on the second port that ``server.grpc_port`` opens; all else is as before.
- In front of Triton it is deployed with ``--engine triton``: seatrial writes the model repository,
  for Triton's Python backend, and asks Triton over HTTP with raw tensors. Both run on the one core.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from benchmarks.serving.environment import ensure
from benchmarks.serving.peer import Command, Place
from benchmarks.serving.peers.seatrial import CONFIG, Seatrial, deploy
from benchmarks.serving.peers.triton import HTTP, Triton, give_stub, tritonserver
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.server import free_port, running
from benchmarks.serving.wire import INFERENCE_GRPC, Call, Wire

CORE = 0
ENGINE = """
engines:
  triton:
    url: {url}
    repository: {repository}
"""
_LIVE = Call(path="/v2/repository/index", body=b"{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatrialGrpc(Seatrial):
    """The gRPC address."""

    name: str = "seatrial-grpc"
    title: str = "**seatrial**, gRPC"

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """The Open Inference Protocol's gRPC form."""
        return INFERENCE_GRPC

    def command(self, place: Place, model: Model) -> Command:
        """``seatrial up``, with another port for HTTP."""
        plain = Seatrial.command(self, replace(place, port=free_port()), model)
        return replace(plain, env={"SEATRIAL_SERVER__GRPC_PORT": str(place.port)})


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatrialTriton(Seatrial):
    """A version that Triton runs, behind seatrial's address."""

    name: str = "seatrial-triton"
    title: str = "**seatrial** in front of Triton"

    def prepare(self, place: Place, model: Model) -> None:
        """Deploy the model to a Triton that runs meanwhile, in the first round."""
        config = place.folder / "seatrial.yaml"
        if config.exists():
            return
        port, repository = free_port(), place.folder / "repository"
        repository.mkdir(parents=True)
        url = f"http://127.0.0.1:{port}"
        config.write_text(
            CONFIG.format(port=free_port()) + ENGINE.format(url=url, repository=repository)
        )
        log = place.folder / "triton.log"
        with running(_triton(place, port), port=port, first=_LIVE, core=CORE, log=log):
            deploy(place, model, "--engine", "triton")

    def command(self, place: Place, model: Model) -> Command:
        """Both, in one session."""
        port = free_port()
        here = replace(
            Seatrial.command(self, place, model),
            env={"SEATRIAL_ENGINES__TRITON__URL": f"http://127.0.0.1:{port}"},
        )
        both = " & ".join(_line(one) for one in (_triton(place, port), here))
        return Command(args=("sh", "-c", f"{both} & wait"))


def _triton(place: Place, port: int) -> Command:
    environments = place.environment.python.parents[2]
    environment = ensure(environments / "bench-triton", Triton.requirements)
    give_stub(environment)
    return tritonserver(environment, place.folder / "repository", HTTP.format(port))


def _line(command: Command) -> str:
    return shlex.join(["env", *(f"{k}={v}" for k, v in command.env.items()), *command.args])
