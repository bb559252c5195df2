"""Which notifier a sink of the configuration gets."""

from __future__ import annotations

import random
from collections.abc import Mapping

from seatrial.kernel.clock import Clock
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import FactLog
from seatrial.monitoring.alerts.courier import Courier, Couriers
from seatrial.monitoring.alerts.notify import Notifier
from seatrial.monitoring.alerts.notify_config import (
    AlertmanagerConfig,
    ChatConfig,
    EmailConfig,
    NotifyConfig,
    SinkConfig,
    WebhookConfig,
    secret_of,
)


def notifier_of(name: str, notify: NotifyConfig, env: Mapping[str, str], clock: Clock) -> Notifier:
    """The way to one sink.

    Args:
        name: of the sink, one of ``notify.sinks``.
        env: the environment, for secrets.
        clock: dates signatures.
    Raises: SecretMissing, SinkInvalid.
    """
    sink: SinkConfig = notify.sinks[name]
    language = sink.language or notify.language
    match sink:
        case WebhookConfig() | ChatConfig():
            from seatrial.adapters.notify.webhook import Dialect, WebhookNotifier

            url = sink.url if isinstance(sink, WebhookConfig) else None
            return WebhookNotifier(
                Dialect.GENERIC if isinstance(sink, WebhookConfig) else Dialect(sink.kind),
                url or secret_of(name, sink.url_env, env),
                secret=secret_of(name, sink.secret_env, env),
                language=language,
                link=notify.console,
                timeout_s=sink.timeout,
                proxy=sink.proxy,
                clock=clock,
            )
        case EmailConfig():
            from seatrial.adapters.notify.smtp import SmtpNotifier, Tls

            return SmtpNotifier(
                sink.host,
                sink.port,
                sender=sink.sender,
                recipients=sink.to,
                tls=Tls(sink.tls),
                username=secret_of(name, sink.username_env, env),
                password=secret_of(name, sink.password_env, env),
                language=language,
                link=notify.console,
                timeout_s=sink.timeout,
            )
        case AlertmanagerConfig():
            from seatrial.adapters.notify.alertmanager import AlertmanagerNotifier

            console = {"link": notify.console} if notify.console else {}
            return AlertmanagerNotifier(
                sink.url,
                language=language,
                timeout_s=sink.timeout,
                proxy=sink.proxy,
                clock=clock,
                **console,
            )


def couriers_of(
    notify: NotifyConfig, log: FactLog, *, env: Mapping[str, str], clock: Clock
) -> Couriers:
    """A courier for every sink of the configuration.   Raises: SecretMissing, SinkInvalid."""
    with ONE_AT_A_TIME:
        notifiers = {name: notifier_of(name, notify, env, clock) for name in notify.sinks}
    return Couriers(
        [
            Courier(
                log,
                notifiers[name],
                sink.policy(name),
                clock=clock,
                chance=random.random,
                backoff=notify.retry.backoff(),
                limit=notify.backlog,
            )
            for name, sink in notify.sinks.items()
        ]
    )
