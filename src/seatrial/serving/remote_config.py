"""The section `engines` of seatrial.yaml: servers elsewhere that may run models."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.release.config import Duration

RAY: Final = "ray"
"""The backend that is no Triton's."""

_SCHEMES: Final = ("http", "https", "grpc", "grpcs")
_FIELDS: Final = frozenset({"name", "version", "digest"})


class EngineConfig(ConfigModel):
    """A server elsewhere that speaks the Open Inference Protocol v2."""

    url: str = Field(
        description="Its address, such as http://127.0.0.1:8000 or grpc://127.0.0.1:8001."
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
    connections: int = Field(
        default=32, ge=1, le=4096, description="Requests that each worker asks at once, at most."
    )
    connect_timeout: Duration = Field(
        default=1.0, gt=0, description="How long a connection may take to stand, such as 1s."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise ValueError(f"needs one of {', '.join(_SCHEMES)}, and a host")
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
    def _one_folder(self) -> Self:
        if self.repository is not None and ("/" in self.model or self.model.startswith(".")):
            raise ValueError("model names a folder of the repository: no slash, no dot before it")
        return self

    def model_of(self, name: str, version: int, digest: str) -> str:
        """The server's name of a version's model."""
        return self.model.format(name=name, version=version, digest=digest)
