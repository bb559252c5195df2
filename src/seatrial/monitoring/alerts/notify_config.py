"""The section ``notify`` of `monitoring.yaml`: the sinks, and when each is told.

Secrets are never in the file: it names the environment variables that hold them. The address of a
chat's web hook is one of them, since whoever knows it can write there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.kernel.errors import NotFound
from seatrial.monitoring.alerts.config import Match
from seatrial.monitoring.alerts.outbox import Backoff
from seatrial.monitoring.alerts.routing import Policy
from seatrial.monitoring.alerts.silence import Matcher
from seatrial.release.config import Duration

_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_SinkName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
_Language = Literal["en", "zh"]
_Label = Literal["endpoint", "kind", "version", "feature", "segment"]


class SecretMissing(NotFound):
    """An environment variable that the configuration names is not set."""

    code = "notify.secret_missing"


class _Sink(ConfigModel):
    """What all sinks have."""

    match: Match = Field(default_factory=dict, description="The alerts it is told of; all if none.")
    language: _Language | None = Field(default=None, description="Its language, if it differs.")
    timeout: Duration = Field(
        default=10.0, gt=0, le=120, description="How long one attempt may take."
    )
    wait: Duration = Field(
        default=30.0, description="How long the first alert of a message waits for others."
    )
    interval: Duration = Field(
        default=300.0, description="The least time between two messages about a group."
    )
    repeat: Duration = Field(
        default=4 * 3600.0, gt=0, description="When a group that still fires is told again."
    )
    group_by: tuple[_Label, ...] = Field(
        default=("endpoint", "kind"), description="Labels that alerts of one message share."
    )
    tell_ended: bool = Field(default=True, description="Whether the end of an alert is told.")

    def policy(self, name: str) -> Policy:
        """When and of what the sink is told."""
        return Policy(
            sink=name,
            matcher=Matcher(self.match),
            group_by=self.group_by,
            wait_s=self.wait,
            interval_s=self.interval,
            repeat_s=self.repeat,
            tell_ended=self.tell_ended,
        )


class _Http(_Sink):
    """What sinks over HTTP have."""

    proxy: str = Field(
        default="", description="The http address of a proxy to go through; empty for none."
    )


class WebhookConfig(_Http):
    """A program that takes JSON."""

    kind: Literal["webhook"] = Field(description="A program that takes JSON.")
    url: str | None = Field(default=None, description="Its address, if that is no secret.")
    url_env: _Variable | None = Field(
        default=None, description="The environment variable that holds its address."
    )
    secret_env: _Variable | None = Field(
        default=None, description="The environment variable that holds the key to sign with."
    )

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("needs either url or url_env")
        return self


class ChatConfig(_Http):
    """A chat: Slack, Feishu or Lark, DingTalk, WeCom."""

    kind: Literal["slack", "feishu", "dingtalk", "wecom"] = Field(
        description="The chat service; Lark takes feishu."
    )
    url_env: _Variable = Field(
        description="The environment variable that holds the address of the web hook."
    )
    secret_env: _Variable | None = Field(
        default=None,
        description="The environment variable that holds the key to sign with (Feishu, DingTalk).",
    )

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.secret_env and self.kind in ("slack", "wecom"):
            raise ValueError(f"{self.kind} knows no signature: leave secret_env out")
        return self


class EmailConfig(_Sink):
    """Mailboxes, by SMTP."""

    kind: Literal["email"] = Field(description="Mailboxes, by SMTP.")
    host: str = Field(min_length=1, description="The mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    tls: Literal["starttls", "implicit", "none"] = Field(
        default="starttls", description="How the connection is encrypted."
    )
    sender: str = Field(description="The address mails come from.")
    to: tuple[str, ...] = Field(min_length=1, description="The addresses they go to.")
    username_env: _Variable | None = Field(
        default=None, description="The environment variable that holds the user name."
    )
    password_env: _Variable | None = Field(
        default=None, description="The environment variable that holds the password."
    )

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.username_env is None) != (self.password_env is None):
            raise ValueError("needs both username_env and password_env, or neither")
        if self.username_env and self.tls == "none":
            raise ValueError("would send the password unencrypted: set tls")
        return self


class AlertmanagerConfig(_Http):
    """An Alertmanager of Prometheus, which then groups, silences and routes itself."""

    kind: Literal["alertmanager"] = Field(description="An Alertmanager of Prometheus.")
    url: str = Field(description="Its address, such as http://alertmanager:9093.")
    wait: Duration = Field(default=0.0, description="As with other sinks; it waits itself.")
    interval: Duration = Field(default=60.0, description="As with other sinks.")
    repeat: Duration = Field(
        default=3600.0,
        gt=0,
        description="When it is told again; without word for four times as long an alert ends.",
    )

    def policy(self, name: str) -> Policy:
        """See _Sink; it is told again of what people care for, or it would take it for ended."""
        told = _Sink.policy(self, name)
        return Policy(
            sink=name,
            matcher=told.matcher,
            group_by=told.group_by,
            wait_s=told.wait_s,
            interval_s=told.interval_s,
            repeat_s=told.repeat_s,
            tell_ended=True,
            repeat_acknowledged=True,
        )


SinkConfig = Annotated[
    WebhookConfig | ChatConfig | EmailConfig | AlertmanagerConfig, Field(discriminator="kind")
]


class RetryConfig(ConfigModel):
    """How a sink that does not answer is tried again."""

    first: Duration = Field(default=5.0, gt=0, description="Longest first wait; it then doubles.")
    longest: Duration = Field(default=600.0, gt=0, description="No wait is longer.")

    def backoff(self) -> Backoff:
        """As the outbox takes it."""
        return Backoff(first_s=self.first, longest_s=max(self.first, self.longest))


class NotifyConfig(ConfigModel):
    """Where people are told."""

    language: _Language = Field(default="en", description="Language of the messages.")
    console: str = Field(
        default="", description="Address of the console, for links in messages; empty for none."
    )
    backlog: int = Field(
        default=1000,
        ge=1,
        description="Messages that may wait for a sink; what does not fit is told later.",
    )
    retry: RetryConfig = Field(
        default_factory=RetryConfig, description="How a sink that does not answer is tried again."
    )
    sinks: dict[_SinkName, SinkConfig] = Field(
        default_factory=dict, description="Where to tell, by a name of your choice."
    )


def secret_of(sink: str, variable: str | None, env: Mapping[str, str]) -> str:
    """The value of the variable a sink names; empty when it names none.

    Raises: SecretMissing: it is not set, or empty.
    """
    if variable is None:
        return ""
    value = env.get(variable, "").strip()
    if not value:
        raise SecretMissing(
            f"The sink {sink!r} needs the environment variable {variable}, which is not set.",
            remedy=f"Set {variable}, or take the sink out of the configuration.",
            sink=sink,
            variable=variable,
        )
    return value
