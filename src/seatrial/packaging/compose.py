"""The compose file of a release: the container on one machine, bound to loopback."""

from __future__ import annotations

import hashlib

from seatrial.packaging.dockerfile import (
    KEYS_FILE,
    KEYS_FOLDER,
    PORT,
    USER_ID,
    check_timeout_s,
    healthcheck_command,
)
from seatrial.packaging.sizing import Resources
from seatrial.packaging.yaml_text import dump
from seatrial.registry.signing_file import VERIFY_KEY
from seatrial.serving.remote_config import HOST_OF_CONTAINERS, VARIABLE, EngineConfig


def render(
    *,
    name: str,
    version: int,
    resources: Resources,
    keys: str | None = None,
    engine: tuple[str, EngineConfig] | None = None,
) -> str:
    """The text of ``compose.yaml``.

    Args:
        keys: public keys in PEM, which lie beside the file as `KEYS_FILE`; None asks for none.
        engine: name and configuration of the engine elsewhere that runs it; None for none.
    """
    service: dict[str, object] = {
        "build": ".",
        "image": f"{name}:{version}",
        "init": True,
        "restart": "unless-stopped",
        "ports": [f"127.0.0.1:{PORT}:{PORT}"],
        "user": f"{USER_ID}:{USER_ID}",
        "read_only": True,
        "tmpfs": ["/tmp:size=64m,mode=1777"],  # noqa: S108  # inside the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": f"{resources.memory_mib}m",
        "pids_limit": 256,
        "stop_grace_period": "30s",
        # The image states it too, but images in the OCI format cannot carry it.
        "healthcheck": {
            "test": ["CMD", *healthcheck_command(latency_s=resources.latency_s)],
            "interval": "10s",
            "timeout": f"{check_timeout_s(resources.latency_s)}s",
            "retries": 3,
            "start_period": f"{resources.start_s}s",
        },
        **_told(keys, engine),
    }
    return dump(
        {"name": name, "services": {"model": service}},
        comment=f"docker compose up --build\nMemory: {resources.why}.{_of_engine(engine)}",
    )


def _told(keys: str | None, engine: tuple[str, EngineConfig] | None) -> dict[str, object]:
    """Whom the container trusts and where its engine is; nothing where it needs neither."""
    told: dict[str, object] = {}
    variables: dict[str, str] = {}
    if keys is not None:
        variables[VERIFY_KEY] = f"{KEYS_FOLDER}/{KEYS_FILE}"
        told["volumes"] = [f"./{KEYS_FILE}:{KEYS_FOLDER}/{KEYS_FILE}:ro"]
        # A container keeps the file that it began with: other keys must make another container.
        told["labels"] = {"seatrial.keys": hashlib.sha256(keys.encode()).hexdigest()}
    if engine is not None:
        name, config = engine
        value = config.as_others_read_it(name, config.of_containers)
        variables[VARIABLE] = value.replace("$", "$$")  # a dollar begins a variable of compose's
        if _is_on_this_machine(config):
            told["extra_hosts"] = [f"{HOST_OF_CONTAINERS}:host-gateway"]
    return {**told, **({"environment": variables} if variables else {})}


def _of_engine(engine: tuple[str, EngineConfig] | None) -> str:
    if engine is None or not _is_on_this_machine(engine[1]):
        return ""
    return (
        f"\nThe engine {engine[0]} is asked at {engine[1].of_containers}: it must listen there, "
        "not on 127.0.0.1 alone."
    )


def _is_on_this_machine(config: EngineConfig) -> bool:
    return config.of_containers != config.url
