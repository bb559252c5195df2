"""The whole of `seatrial.yaml`, put together from the sections the packages own."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from seatrial.events.config import EventsConfig
from seatrial.features.config import FeaturesConfig
from seatrial.gateway.routes.config import GatewayConfig
from seatrial.kernel.config import ConfigModel
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.packaging.kubernetes.config import KubernetesConfig
from seatrial.release.answer_gates import AnswerReleaseConfig
from seatrial.release.config import Duration, ReleaseConfig
from seatrial.release.controller import RETENTION_S
from seatrial.release.judge_config import JudgeConfig
from seatrial.serving.remote_config import EngineConfig
from seatrial.training.config import TrainingConfig
from seatrial.training.evaluation.config import EvaluationConfig
from seatrial.training.following.config import RegistryConfig
from seatrial.training.retraining.config import RetrainingConfig, check_retrainings

if TYPE_CHECKING:
    from seatrial.serving.spawn import ChildLimits

FILE = "seatrial.yaml"
OF_AN_INDEX = "SEATRIAL_RAG__"
"""Begins variables that go over `rag_config.yaml`, and say nothing about `seatrial.yaml`."""


class TlsConfig(ConfigModel):
    """Files in PEM, read when a server starts."""

    certificate: Path = Field(
        description="The server's certificate, and after it those that vouch for it."
    )
    key: Path = Field(description="Its private key, without a password.")
    client_ca: Path | None = Field(
        default=None,
        description="Certificates that vouch for clients; then who shows none of theirs is turned "
        "away. None asks for none.",
    )


class ServerConfig(ConfigModel):
    """The server of `seatrial up`."""

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; anything but loopback needs SEATRIAL_TOKEN to be set.",
    )
    port: int = Field(
        default=8080, ge=0, le=65535, description="Port to listen on; 0 takes any free one."
    )
    grpc_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of gRPC, on the same address: the Open Inference Protocol and TF "
        "Serving's; none where it is left out.",
    )
    grpc_tls: TlsConfig | None = Field(
        default=None, description="TLS of the gRPC port; in clear where it is left out."
    )
    workers: int = Field(default=1, ge=1, le=256, description="Number of worker processes.")
    native_threads: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Threads of the numeric libraries in each process that holds a native model.",
    )
    native_memory_mib: int = Field(
        default=2048,
        ge=256,
        description="Resident memory, in MiB, of each process that holds a native model; one that "
        "takes more is ended and started anew.",
    )
    max_body_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1024, description="Largest request body."
    )
    max_rows: int = Field(default=1_000_000, ge=1, description="Most rows of one request.")
    deadline_s: float = Field(
        default=30.0, gt=0, description="After so many seconds a prediction is answered with 504."
    )
    log_sample_rate: float = Field(
        default=0.01, ge=0, le=1, description="Share of predictions written to the prediction log."
    )
    log_every: Duration = Field(
        default=60.0, gt=0, description="How soon predictions are in the log, such as 1m."
    )
    log_bytes: int = Field(
        default=256 * 1024 * 1024,
        ge=0,
        description="Most bytes of predictions that wait to be written to the log.",
    )
    count_rows: int = Field(
        default=2_000,
        ge=0,
        description="Rows a second of each version whose features and predictions are counted for "
        "monitoring; a random sample where more come. 0 counts none.",
    )
    verify_key: Path | None = Field(
        default=None,
        description="File of public keys in PEM; a version is loaded only where one of them signed "
        "its bundle. None loads unsigned ones too.",
    )
    sign_key: Path | None = Field(
        default=None,
        description="File of a private key in PEM, without a password, that signs every version "
        "this workspace registers: deployed, retrained or followed. An archive that brings a "
        "signature keeps it.",
    )
    retention: Duration = Field(
        default=RETENTION_S, gt=0, description="How long measurements are kept, such as 35d."
    )

    @model_validator(mode="after")
    def _tls_has_a_port(self) -> Self:
        if self.grpc_tls is not None and self.grpc_port is None:
            raise ValueError("grpc_tls is for grpc_port, and there is none")
        return self

    def child_limits(self) -> ChildLimits:
        """What each process of a native model may use."""
        from seatrial.serving.spawn import ChildLimits

        return ChildLimits(
            memory_bytes=self.native_memory_mib << 20,
            threads=self.native_threads,
            call_s=self.deadline_s,
        )


class PromptsConfig(ConfigModel):
    """Prompts that are released as versions of an endpoint."""

    golden_usd: Decimal = Field(
        default=Decimal(1),
        ge=0,
        le=9_000_000,
        description="What the golden examples of one release may cost, in USD.",
    )
    release: AnswerReleaseConfig = Field(
        default_factory=AnswerReleaseConfig,
        description="How versions of a prompt are released, unless their endpoint says otherwise.",
    )


class EndpointConfig(ConfigModel):
    """What differs for one endpoint."""

    release: ReleaseConfig | None = Field(
        default=None, description="How its versions are released, in place of the release section."
    )
    prompt_release: AnswerReleaseConfig | None = Field(
        default=None,
        description="The same of an endpoint of prompts, in place of prompts.release.",
    )
    engine: str | None = Field(
        default=None,
        description="The server that runs its versions, by its name in `engines`: those that are "
        "deployed without --engine, retrained, or followed from a registry. None for this one.",
    )


class Settings(ConfigModel):
    """The file, the environment over it, defaults under it."""

    store: str = Field(
        default="", description="URL of the store; empty for seatrial.db in the home folder."
    )
    server: ServerConfig = Field(
        default_factory=ServerConfig, description="The server of `seatrial up`."
    )
    release: ReleaseConfig = Field(
        default_factory=ReleaseConfig,
        description="How versions are released, unless their endpoint says otherwise.",
    )
    judge: JudgeConfig = Field(
        default_factory=JudgeConfig,
        description="Rollouts that others steer, such as Argo, judged by their counters.",
    )
    kubernetes: KubernetesConfig = Field(
        default_factory=KubernetesConfig, description="How a cluster is told of releases."
    )
    monitoring: MonitoringConfig = Field(
        default_factory=MonitoringConfig, description="What is watched and who is told."
    )
    evaluation: EvaluationConfig = Field(
        default_factory=EvaluationConfig,
        description="When a new version counts as better than the one in production.",
    )
    training: TrainingConfig = Field(
        default_factory=TrainingConfig,
        description="What can be trained, and where its runs are shown.",
    )
    registry: RegistryConfig = Field(
        default_factory=RegistryConfig,
        description="Registered models that are released by themselves.",
    )
    retraining: RetrainingConfig = Field(
        default_factory=dict,
        description="Models that are trained anew when triggers ask for it, by name.",
    )
    events: EventsConfig = Field(
        default_factory=EventsConfig, description="Events to other systems and from them."
    )
    features: FeaturesConfig = Field(
        default_factory=FeaturesConfig,
        description="Features of a Feast repository, looked up for predictions.",
    )
    engines: dict[str, EngineConfig] = Field(
        default_factory=dict,
        description="Servers elsewhere that may run models, by the name that --engine gives.",
    )
    gateway: GatewayConfig = Field(
        default_factory=GatewayConfig, description="Language models behind one address."
    )
    prompts: PromptsConfig = Field(
        default_factory=PromptsConfig, description="Prompts that are released like models."
    )
    knowledge: dict[str, Any] = Field(
        default_factory=dict,
        max_length=0,
        description="Documents that can be asked, by the name of the index; "
        "see `AllSettings`, which is what a file with some is read as.",
    )
    endpoints: dict[str, EndpointConfig] = Field(
        default_factory=dict, description="What differs for one endpoint, by its name."
    )

    @model_validator(mode="after")
    def _retrainings_fit(self) -> Self:
        check_retrainings(self.retraining, self.monitoring)
        return self

    @model_validator(mode="after")
    def _engines_known(self) -> Self:
        for endpoint, own in self.endpoints.items():
            if own.engine is not None and own.engine not in self.engines:
                known = ", ".join(sorted(self.engines)) or "none"
                raise ValueError(
                    f"endpoints.{endpoint}.engine: there is no engine {own.engine!r} in engines, "
                    f"but: {known}"
                )
        return self

    def release_of(self, endpoint: str) -> ReleaseConfig:
        """How versions of an endpoint are released."""
        own = self.endpoints.get(endpoint)
        return own.release if own and own.release else self.release

    def engine_of(self, endpoint: str) -> str | None:
        """The engine elsewhere that runs versions of an endpoint; None for this server's own."""
        own = self.endpoints.get(endpoint)
        return own.engine if own else None

    def prompt_release_of(self, endpoint: str) -> AnswerReleaseConfig:
        """How versions of an endpoint of prompts are released."""
        own = self.endpoints.get(endpoint)
        return own.prompt_release if own and own.prompt_release else self.prompts.release
