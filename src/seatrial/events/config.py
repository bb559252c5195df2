"""The section ``events`` of the configuration: the broker, what goes out and what comes in.

Secrets are never in the file: it names the environment variables that hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seatrial.events.envelope import LEAST_BYTES
from seatrial.kernel.config import ConfigModel
from seatrial.kernel.errors import NotFound
from seatrial.release.config import Duration

_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
_Schema = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]

KINDS = (
    "release.*",
    "staging.*",
    "evaluation.*",
    "canary.*",
    "step.entered",
    "endpoint.*",
    "version.*",
    "experiment.*",
    "alert.*",
    "retraining.*",
    "registry.*",
    "model.*",
    "training.started",
    "training.ended",
)
"""What is published unless the configuration says otherwise."""


class EventsSecretMissing(NotFound):
    """An environment variable that the section ``events`` names is not set."""

    code = "events.secret_missing"


class KafkaSecurity(ConfigModel):
    """How the connection to Kafka is encrypted, and who connects."""

    protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        default="plaintext", description="As Kafka's security.protocol."
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="Of SASL."
    )
    username_env: _Variable | None = Field(
        default=None, description="The environment variable that holds the user name."
    )
    password_env: _Variable | None = Field(
        default=None, description="The environment variable that holds the password."
    )
    ca: Path | None = Field(
        default=None, description="PEM file of who signs the broker's certificate; else the system."
    )
    certificate: Path | None = Field(default=None, description="PEM file of the client's own.")
    key: Path | None = Field(default=None, description="PEM file of its private key.")
    key_password_env: _Variable | None = Field(
        default=None, description="The environment variable that holds the password of the key."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        login = (self.username_env, self.password_env)
        if self.protocol.startswith("sasl") != all(login) or any(login) != all(login):
            raise ValueError("username_env and password_env belong to sasl, both of them")
        files = (self.ca, self.certificate, self.key, self.key_password_env)
        if any(files) and not self.protocol.endswith("ssl"):
            raise ValueError("certificates need the protocol ssl or sasl_ssl")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("needs both certificate and key, or neither")
        return self


class KafkaConfig(ConfigModel):
    """Kafka, or what speaks its protocol."""

    kind: Literal["kafka"] = Field(description="Kafka, or what speaks its protocol.")
    servers: str = Field(min_length=1, description="Such as broker-1:9092,broker-2:9092.")
    security: KafkaSecurity = Field(
        default_factory=KafkaSecurity, description="Encryption, and who connects."
    )
    timeout: Duration = Field(
        default=10.0, ge=1, le=20, description="How long the brokers may take to answer."
    )


class RedisConfig(ConfigModel):
    """Streams of Redis."""

    kind: Literal["redis"] = Field(description="Streams of Redis, 6.2 or later.")
    url: str | None = Field(
        default=None, description="redis://HOST:PORT/DATABASE, if no password is in it."
    )
    url_env: _Variable | None = Field(
        default=None, description="The environment variable that holds the address."
    )
    keep: int = Field(
        default=1_000_000, ge=1000, description="Newest messages of a stream that are kept, about."
    )
    timeout: Duration = Field(
        default=5.0, ge=1, le=20, description="How long the server may take to answer."
    )

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("needs either url or url_env")
        return self


class PostgresConfig(ConfigModel):
    """Tables of PostgreSQL."""

    kind: Literal["postgres"] = Field(description="Tables of PostgreSQL, 12 or later.")
    url_env: _Variable | None = Field(
        default=None,
        description="The environment variable that holds the address; by default the database of "
        "the store.",
    )
    db_schema: _Schema = Field(
        default="seatrial_events", description="Where the tables are; made when absent."
    )
    keep: Duration = Field(
        default=7 * 86_400.0, ge=60, description="How long messages are kept, such as 7d."
    )
    timeout: Duration = Field(
        default=5.0, ge=1, le=20, description="How long the server may take to answer."
    )


BrokerConfig = Annotated[KafkaConfig | RedisConfig | PostgresConfig, Field(discriminator="kind")]


class PublishConfig(ConfigModel):
    """What goes out."""

    topic: _Topic = Field(default="seatrial.events", description="Where it goes.")
    kinds: tuple[str, ...] = Field(
        default=KINDS,
        min_length=1,
        description="Kinds of facts that are published, with `*` for any text. See the page of "
        "events for all there are.",
    )
    source: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The attribute `source` of the events; by default one of this installation.",
    )
    since: Literal["now", "beginning"] = Field(
        default="now", description="Where publishing begins, the first time it is configured."
    )
    max_bytes: int = Field(
        default=900_000,
        ge=LEAST_BYTES,
        le=16 * 2**20,
        description="Most bytes of an event; of a larger one fields of its data are left out.",
    )

    def chosen(self, kind: str) -> bool:
        """Whether facts of a kind go out."""
        return any(fnmatchcase(kind, pattern) for pattern in self.kinds)


class ReceiveConfig(ConfigModel):
    """What comes in."""

    topic: _Topic = Field(default="seatrial.requests", description="Where it comes from.")
    group: _Topic = Field(
        default="seatrial", description="Under which name the broker remembers how far it was read."
    )
    dead_letter: _Topic = Field(
        default="seatrial.rejected", description="Where messages go of which nothing can become."
    )
    max_bytes: int = Field(
        default=4 * 2**20, ge=LEAST_BYTES, le=64 * 2**20, description="Most bytes of a message."
    )


class EventsConfig(ConfigModel):
    """Events to other systems and from them."""

    broker: BrokerConfig | None = Field(
        default=None, description="Over what they go; without one there are none."
    )
    publish: PublishConfig | None = Field(
        default=None, description="What goes out; nothing unless the section is there."
    )
    receive: ReceiveConfig | None = Field(
        default=None, description="What comes in; nothing unless the section is there."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        directions = [one for one in (self.publish, self.receive) if one is not None]
        if directions and self.broker is None:
            raise ValueError("events.broker is needed for publish and receive")
        if self.broker is not None and not directions:
            raise ValueError("a broker needs publish or receive beside it, `{}` for the defaults")
        topics = [one.topic for one in directions]
        topics += [self.receive.dead_letter] if self.receive else []
        if len(set(topics)) < len(topics):
            raise ValueError("the topics of publish, receive and dead_letter must differ")
        return self


def secret_of(variable: str | None, env: Mapping[str, str]) -> str | None:
    """The value of a variable the section names; None when it names none.

    Raises: EventsSecretMissing: it is not set, or empty.
    """
    if variable is None:
        return None
    value = env.get(variable, "").strip()
    if not value:
        raise EventsSecretMissing(
            f"The section events needs the environment variable {variable}, which is not set.",
            remedy=f"Set {variable} for the server, or take it out of the configuration.",
            variable=variable,
        )
    return value
