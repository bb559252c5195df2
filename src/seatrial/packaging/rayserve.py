"""A bundle as an application of Ray Serve: how many requests and replicas, and what starts it.

Pure. What a replica runs is `wiring.ray_serve`'s business.
Source: https://docs.ray.io/en/latest/serve/production-guide/config.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from seatrial.packaging.yaml_text import dump
from seatrial.serving.engine import EnginePlan

PROGRAM: Final = "app.py"
CONFIG: Final = "config.yaml"
BUNDLE: Final = "bundle"
"""Names in the folder of an application."""

_FEWEST_ONGOING: Final = 32
"""Requests that a replica is sent before it answered: fewer leave it idle while messages travel."""
_MOST_REPLICAS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How Ray Serve runs a model.

    Args:
        max_ongoing_requests: that a replica has at once, >= 1; further ones wait before it.
        target_ongoing_requests: on average; above it Ray starts a further replica.
        min_replicas, max_replicas: 1 <= min <= max.
        num_cpus: that Ray sets apart for each.
    """

    max_ongoing_requests: int
    target_ongoing_requests: int
    min_replicas: int = 1
    max_replicas: int = _MOST_REPLICAS
    num_cpus: float = 1.0

    def options(self) -> dict[str, object]:
        """As Ray Serve calls them, of a deployment."""
        return {
            "max_ongoing_requests": self.max_ongoing_requests,
            "autoscaling_config": {
                "min_replicas": self.min_replicas,
                "max_replicas": self.max_replicas,
                "target_ongoing_requests": self.target_ongoing_requests,
            },
            "ray_actor_options": {"num_cpus": self.num_cpus},
        }


def scale_of(plan: EnginePlan) -> Scale:
    """What was measured, as Ray Serve needs it: a replica runs one batch while the next gathers.

    Args: plan: of the engines that run in the replica.
    """
    batch = plan.max_batch_rows if plan.batching else 1
    ongoing = max(_FEWEST_ONGOING, 2 * batch)
    return Scale(max_ongoing_requests=ongoing, target_ongoing_requests=ongoing // 2)


def application_files(name: str, scale: Scale, *, folder: str) -> dict[str, bytes]:
    """The files beside the bundle, by name.

    Args:
        name: of the model.
        folder: where they will lie, absolute.
    """
    program = (
        f'"""The model {name} as an application of Ray Serve: serve run {PROGRAM[:-3]}:app."""\n\n'
        "from pathlib import Path\n\n"
        "from seatrial.wiring.ray_serve import application\n\n"
        f'app = application(Path(__file__).resolve().parent / "{BUNDLE}")\n'
    )
    config = {
        "proxy_location": "EveryNode",
        "http_options": {"host": "127.0.0.1", "port": 8000},
        "applications": [
            {
                "name": name,
                "route_prefix": "/",
                "import_path": "seatrial.wiring.ray_serve:model",
                "args": {"bundle": f"{folder}/{BUNDLE}"},
                "deployments": [{"name": name, **scale.options()}],
            }
        ],
    }
    comment = (
        f"Written by seatrial. serve deploy {CONFIG}, on a Ray whose nodes see the folder here\n"
        "and have seatrial[ray-serve]. Requests are batched in the replica, as measured."
    )
    return {PROGRAM: program.encode(), CONFIG: dump(config, comment=comment).encode()}
