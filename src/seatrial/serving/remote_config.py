"""The section `engines` of seatrial.yaml: servers elsewhere that may run models."""

from __future__ import annotations

import json
import string
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.release.config import Duration

RAY: Final = "ray"
"""The backend that is no Triton's."""
VARIABLE: Final = "SEATRIAL_ENGINES"
"""Tells the section to a process that has no file of configuration."""
HOST_OF_CONTAINERS: Final = "host.docker.internal"
"""What containers of Docker and of podman call the machine they run on."""

_PORTS: Final = {"http": 80, "https": 443, "grpc": 443, "grpcs": 443}
"""Where an address names none. Source: gRPC Name Resolution, for its two."""
_FIELDS: Final = frozenset({"name", "version", "digest"})


class EngineConfig(ConfigModel):
    """A server elsewhere that runs models."""

    url: str = Field(
        description="Its address, such as http://127.0.0.1:8000 or grpc://127.0.0.1:8001."
    )
    protocol: Literal["oip", "torchserve", "tensorflow-serving"] = Field(
        default="oip",
        description="What is spoken there: the Open Inference Protocol v2, as Triton and KServe "
        "do; torchserve over http, for models that seatrial gave it; or tensorflow-serving, whose "
        "models are named NAME or NAME/VERSION.",
    )
    management: str | None = Field(
        default=None,
        description="TorchServe's management address, such as http://127.0.0.1:8086.",
    )
    model: str = Field(
        default="{name}-{version}",
        min_length=1,
        description="The server's name of a version's model; {name}, {version} and {digest} stand "
        "for those of the version.",
    )
    repository: Path | None = Field(
        default=None,
        description="The server's model repository as this machine sees it: models are put there, "
        "loaded when their release begins and unloaded once nothing asks them. Without one, "
        "models are there already.",
    )
    backend: Literal["python", "onnxruntime", "ray"] = Field(
        default="python",
        description="What runs models of the repository: a backend of Triton, python or "
        "onnxruntime; or ray, for Ray Serve.",
    )
    workers: int = Field(
        default=1, ge=1, le=1024, description="TorchServe's processes for each model it is given."
    )
    connections: int = Field(
        default=32, ge=1, le=4096, description="Requests that each worker asks at once, at most."
    )
    connect_timeout: Duration = Field(
        default=1.0, gt=0, description="How long a connection may take to stand, such as 1s."
    )
    cluster_url: str | None = Field(
        default=None,
        description="Its address as pods of a Kubernetes cluster reach it; by default url, unless "
        "that is of this machine alone.",
    )
    cluster_networks: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        description="Networks it lies in, such as 10.3.0.0/24: all that the NetworkPolicy of a "
        "version opens, at its port. By default the address itself, or the namespace of the "
        "Service that it names; of another name, any address.",
    )

    @field_validator("url", "management", "cluster_url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"needs one of {', '.join(_PORTS)}, and a host")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("takes no user, query or fragment")
        return url

    @field_validator("model")
    @classmethod
    def _pattern(cls, model: str) -> str:
        named = {name for _, name, _, _ in string.Formatter().parse(model) if name is not None}
        if unknown := sorted(named - _FIELDS):
            raise ValueError(f"knows {{name}}, {{version}} and {{digest}}, not {unknown[0]!r}")
        return model

    @model_validator(mode="after")
    def _two_addresses(self) -> Self:
        if self.protocol == "tensorflow-serving" and self.repository is not None:
            raise ValueError(
                "TensorFlow Serving has no repository here: give it models by seatrial export "
                "--to tf-serving"
            )
        if self.protocol != "torchserve":
            if self.management is not None:
                raise ValueError("management is TorchServe's: set protocol to torchserve")
        elif self.management is None:
            raise ValueError("TorchServe needs management, the address of its management API")
        elif not self.url.startswith("http") or not self.management.startswith("http"):
            raise ValueError("TorchServe is asked over http or https")
        return self

    @model_validator(mode="after")
    def _one_folder(self) -> Self:
        if self.repository is not None and ("/" in self.model or self.model.startswith(".")):
            raise ValueError("model names a folder of the repository: no slash, no dot before it")
        return self

    @property
    def of_pods(self) -> str | None:
        """Its address as pods reach it; None where no other machine does."""
        if self.cluster_url is not None:
            return self.cluster_url
        return None if _is_here(urlsplit(self.url).hostname or "") else self.url

    @property
    def ports_of_pods(self) -> tuple[int, ...]:
        """The ports that pods ask there."""
        asked = [self.of_pods or self.url, *([self.management] if self.management else [])]
        return tuple(_port(url) for url in asked)

    @property
    def of_containers(self) -> str:
        """Its address as a container on this machine reaches it."""
        return _elsewhere(self.url, HOST_OF_CONTAINERS)

    def as_others_read_it(self, name: str, url: str) -> str:
        """The value of `VARIABLE` for who reaches it by an address of their own.

        They put no model there: they are told of no repository.
        """
        shared = {"model", "connections", "connect_timeout", "protocol"}
        told = {"url": url, **self.model_dump(mode="json", include=shared)}
        if self.management is not None:
            told["management"] = _elsewhere(self.management, urlsplit(url).hostname or "")
        return json.dumps({name: told})

    def model_of(self, name: str, version: int, digest: str) -> str:
        """The server's name of a version's model."""
        return self.model.format(name=name, version=version, digest=digest)


def _elsewhere(url: str, host: str) -> str:
    """An address with another host, where its own is that of this machine alone."""
    parts = urlsplit(url)
    if not _is_here(parts.hostname or ""):
        return url
    there = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{there}:{_port(url)}").geturl()


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or _PORTS[parts.scheme]


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
