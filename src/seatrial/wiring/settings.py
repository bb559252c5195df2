"""The whole of `seatrial.yaml`, put together from the sections the packages own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from seatrial.kernel.config import ConfigModel, load
from seatrial.release.config import Duration, ReleaseConfig
from seatrial.release.controller import RETENTION_S

FILE = "seatrial.yaml"


class ServerConfig(ConfigModel):
    """The server of `seatrial up`.

    Args:
        host: address to listen on; anything but loopback needs ``SEATRIAL_TOKEN`` to be set.
        workers: number of worker processes.
        max_body_bytes: largest request body.
        max_rows: most rows of one request.
        deadline_s: how long a prediction may take before it is answered with 504.
        log_sample_rate: share of predictions written to the prediction log.
        log_bytes: most bytes of prediction log waiting to be written.
        retention: how long measurements are kept.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    max_body_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    max_rows: Annotated[int, Field(ge=1)] = 1_000_000
    deadline_s: Annotated[float, Field(gt=0)] = 30.0
    log_sample_rate: Annotated[float, Field(ge=0, le=1)] = 0.01
    log_bytes: Annotated[int, Field(ge=0)] = 256 * 1024 * 1024
    retention: Annotated[Duration, Field(gt=0)] = RETENTION_S


class EndpointConfig(ConfigModel):
    """What differs for one endpoint."""

    release: ReleaseConfig | None = None


class Settings(ConfigModel):
    """The file, the environment over it, defaults under it.

    Args:
        store: URL of the store; empty for ``seatrial.db`` in the home folder.
        server: of `seatrial up`.
        release: how versions are released, unless the endpoint says otherwise.
        endpoints: by name.
    """

    store: str = ""
    server: ServerConfig = ServerConfig()
    release: ReleaseConfig = ReleaseConfig()
    endpoints: dict[str, EndpointConfig] = Field(default_factory=dict)

    def release_of(self, endpoint: str) -> ReleaseConfig:
        """How versions of an endpoint are released."""
        own = self.endpoints.get(endpoint)
        return own.release if own and own.release else self.release


def load_settings(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read a configuration file, ``seatrial.yaml`` of this folder if none is named and it exists.

    Raises: ConfigInvalid: every problem at once; NotFound: a named file is not there.
    """
    if path is None and Path(FILE).is_file():
        path = Path(FILE)
    return load(path, Settings, environment)
