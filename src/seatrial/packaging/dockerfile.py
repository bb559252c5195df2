"""The Dockerfile of a release and what may enter its build."""

from __future__ import annotations

import json
import re

from seatrial.kernel.errors import Invalid

PORT = 8080
USER_ID = 10001
BUNDLE_PATH = "/app/bundle"
KEYS_FILE = "keys.pem"
KEYS_FOLDER = "/etc/seatrial/keys"
"""Where a container finds the public keys it is given: they are no part of its image."""
COMMAND = (
    *("uvicorn", "--factory", "seatrial.wiring.deploying.standalone:app"),
    *("--http", "seatrial.web.protocol:HotProtocol", "--loop", "uvloop"),
    *("--lifespan", "on"),  # without it a bundle that cannot be loaded leaves a server that waits
    *("--host", "0.0.0.0", "--port", str(PORT), "--no-access-log"),  # noqa: S104  # in a container
)
"""What a container runs; ``SEATRIAL_BUNDLE`` and ``SEATRIAL_VERSION`` tell it what to serve."""

DOCKERIGNORE = """\
# Only what the Dockerfile copies may enter the build.
*
!requirements.txt
!wheels
!healthcheck.py
!bundle
!bundle.sig
!sbom.cdx.json
"""

_SLOWEST_FIRST = """\
# Layers from what changes least to what changes most: a new version of the model with the same
# libraries rebuilds only the last one.
"""

_LIBRARIES = """\
# Compiled here, for nothing can be written later; the same bytes from the same code, whatever the
# hour and the order of hashing.
RUN python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile \\
    --disable-pip-version-check -r requirements.txt \\
 && PYTHONHASHSEED=0 /opt/venv/bin/python -m compileall -q \\
    --invalidation-mode unchecked-hash /opt/venv/lib
"""

_LIBGOMP = """\
# LightGBM's wheel counts on the system's OpenMP, which slim images leave out.
# hadolint ignore=DL3008
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends libgomp1 \\
 && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/ldconfig/*
"""


def healthcheck_command(*, latency_s: float) -> list[str]:
    """What a container engine runs inside the container to see whether it is healthy."""
    return [
        *("python", "/app/healthcheck.py", "--port", str(PORT), "--bundle", BUNDLE_PATH),
        *("--max-latency-s", f"{latency_s:g}", "--timeout-s", f"{check_timeout_s(latency_s) - 1}"),
    ]


def check_timeout_s(latency_s: float) -> int:
    """How long an engine waits for one health check: it must outlast the slowest healthy one."""
    return int(latency_s) + 4


def render(
    *,
    name: str,
    version: int,
    python: str,
    libraries: frozenset[str],
    start_s: int,
    latency_s: float,
    native_memory_mib: int | None = None,
) -> str:
    """The Dockerfile.

    Args:
        name: of the model, checked.
        version: its number.
        python: the interpreter the model was packaged with, such as ``3.11.7``.
        libraries: distributions the image installs.
        start_s: how long a start may take.
        latency_s: how slow a healthy golden prediction may be.
        native_memory_mib: of a native model's process, > 0; None for what it is by default.
    Raises: Invalid for a Python version that is none.
    """
    if re.fullmatch(r"3\.\d+\.\d+", python) is None:
        raise Invalid(f"{python!r} is no Python version.", remedy="Give one such as 3.11.7.")
    base = f"python:{python.rpartition('.')[0]}-slim"
    more = f" \\\n    SEATRIAL_NATIVE_MEMORY_MIB={native_memory_mib}" if native_memory_mib else ""
    check = json.dumps(healthcheck_command(latency_s=latency_s))
    return f"""\
{_SLOWEST_FIRST}
FROM {base} AS libraries
WORKDIR /build
RUN python -m venv --without-pip /opt/venv
COPY requirements.txt ./
COPY wheels/ wheels/
{_LIBRARIES}\

FROM {base}
{_LIBGOMP if "lightgbm" in libraries else ""}\
RUN export SOURCE_DATE_EPOCH=0 \\
 && groupadd --gid {USER_ID} seatrial \\
 && useradd --uid {USER_ID} --gid {USER_ID} --no-create-home --shell /usr/sbin/nologin seatrial
ENV PATH=/opt/venv/bin:$PATH \\
    HOME=/tmp \\
    PYTHONDONTWRITEBYTECODE=1 \\
    PYTHONUNBUFFERED=1 \\
    SEATRIAL_BUNDLE={BUNDLE_PATH}
WORKDIR /app
COPY --from=libraries /opt/venv /opt/venv
COPY healthcheck.py ./
EXPOSE {PORT}
HEALTHCHECK --interval=10s --timeout={check_timeout_s(latency_s)}s --start-period={start_s}s \\
    --retries=3 CMD {check}
CMD {json.dumps(COMMAND)}
USER {USER_ID}:{USER_ID}
ENV SEATRIAL_VERSION={version}{more}
LABEL org.opencontainers.image.title="{name}" \\
      org.opencontainers.image.version="{version}"
COPY sbom.cdx.json bundle.sig* ./
COPY bundle/ bundle/
"""
