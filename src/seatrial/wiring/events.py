"""Moves events in the process of pipelines: which broker, which directions, one thread for each."""

from __future__ import annotations

import logging
import os
import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import Any, assert_never

from seatrial.events.broker import Broker
from seatrial.events.config import (
    EventsConfig,
    KafkaConfig,
    KafkaSecurity,
    PostgresConfig,
    PublishConfig,
    ReceiveConfig,
    RedisConfig,
    secret_of,
)
from seatrial.events.exposition import BEAT_IN, BEAT_OUT, in_exposition, out_exposition
from seatrial.events.intake import Intake
from seatrial.events.line import Line
from seatrial.events.relay import Relay
from seatrial.kernel.clock import Clock, SystemClock
from seatrial.kernel.errors import Invalid, SeatrialError
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import Store
from seatrial.wiring.event_effects import EventEffects
from seatrial.wiring.workspace import Workspace

_SAY_EVERY_S = 1.0
_GRACE_S = 5.0

_log = logging.getLogger(__name__)


class NoEventsDatabase(Invalid):
    """Events go over PostgreSQL, and nothing says which."""

    code = "events.no_database"


def open_broker(
    config: EventsConfig, *, store_url: str, environment: Mapping[str, str] = os.environ
) -> Broker:
    """The broker of a configuration; nothing is connected yet.

    Args: store_url: where tables of events are unless the configuration says otherwise.
    Raises: MissingExtra, BrokerAddressInvalid, EventsSecretMissing, NoEventsDatabase.
    """
    broker = config.broker
    match broker:
        case None:
            raise AssertionError("the section events has no broker")
        case KafkaConfig():
            with ONE_AT_A_TIME:
                from seatrial.adapters.events.kafka import KafkaBroker

            options = _options(broker.security, environment)
            return KafkaBroker(broker.servers, options=options, timeout_s=broker.timeout)
        case RedisConfig():
            with ONE_AT_A_TIME:
                from seatrial.adapters.events.redis import RedisBroker

            url = broker.url or secret_of(broker.url_env, environment) or ""
            return RedisBroker(url, keep=broker.keep, timeout_s=broker.timeout)
        case PostgresConfig():
            with ONE_AT_A_TIME:
                from seatrial.adapters.events.postgres import PostgresBroker

            return PostgresBroker(
                _database(broker, store_url, environment),
                schema=broker.db_schema,
                keep_s=broker.keep,
                timeout_s=broker.timeout,
            )
        case _:
            assert_never(broker)


def check_events(workspace: Workspace) -> None:
    """Say now what would keep events from moving.   Raises: as `open_broker`."""
    if workspace.settings.events.broker is not None:
        open_broker(workspace.settings.events, store_url=workspace.store_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A direction that is kept going.

    Args:
        line: it goes on.
        look: asks what takes a while to answer, on the line's own thread.
        say: what is told of it, from what is known.
    """

    line: Line
    look: Callable[[], None]
    say: Callable[[], Mapping[str, Any]]


@contextmanager
def moving(workspace: Workspace, store: Store, stop: Event) -> Iterator[None]:
    """Move events beside whatever is done in the block, until ``stop`` is set.

    On threads of their own: a broker may take its time.
    Raises: as `open_broker`.
    """
    config = workspace.settings.events
    if config.broker is None:
        yield
        return
    broker = open_broker(config, store_url=workspace.store_url)
    over, clock = Event(), SystemClock()
    directions = directions_of(workspace, store, broker, clock)
    threads = [
        Thread(target=_keep_moving, args=(one, clock, stop, over), name=one.line.name, daemon=True)
        for one in directions
    ]
    threads.append(Thread(target=_tell, args=(store, directions, stop, over), daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(_GRACE_S)


def directions_of(workspace: Workspace, store: Store, broker: Broker, clock: Clock) -> list[Moving]:
    """Those that are configured."""
    config = workspace.settings.events
    found = []
    if config.publish is not None:
        found.append(_outward(config.publish, store, broker, clock))
    if config.receive is not None:
        found.append(_inward(config.receive, workspace, store, broker, clock))
    return found


def _outward(config: PublishConfig, store: Store, broker: Broker, clock: Clock) -> Moving:
    relay = Relay(
        store,
        broker,
        topic=config.topic,
        chosen=config.chosen,
        source=config.source,
        from_the_start=config.since == "beginning",
        max_bytes=config.max_bytes,
    )
    line = _line(BEAT_OUT, relay, store, clock)

    def say() -> Mapping[str, Any]:
        n_behind, oldest = relay.n_behind(), relay.oldest
        up = not line.standing.problem
        return {
            "n_behind": n_behind,
            "oldest": None if oldest is None else oldest.isoformat(),
            "metrics": out_exposition(
                relay.sent, up=up, n_behind=n_behind, oldest=oldest, now=clock.now()
            ),
        }

    return Moving(line=line, look=lambda: None, say=say)


def _inward(
    config: ReceiveConfig, workspace: Workspace, store: Store, broker: Broker, clock: Clock
) -> Moving:
    intake = Intake(
        store,
        broker,
        EventEffects(workspace, store, clock=clock),
        topic=config.topic,
        group=config.group,
        dead_letter=config.dead_letter,
        max_bytes=config.max_bytes,
    )
    line = _line(BEAT_IN, intake, store, clock)

    def say() -> Mapping[str, Any]:
        up, n_waiting = not line.standing.problem, intake.n_waiting
        return {
            "n_waiting": n_waiting,
            "metrics": in_exposition(intake.taken, up=up, n_waiting=n_waiting),
        }

    return Moving(line=line, look=intake.count, say=say)


def _line(name: str, direction: Relay | Intake, store: Store, clock: Clock) -> Line:
    holder = f"{os.getpid()}-{secrets.token_hex(4)}"
    return Line(name, direction, store, holder=holder, clock=clock, chance=random.random)


def _keep_moving(moving: Moving, clock: Clock, stop: Event, over: Event) -> None:
    look_at_s = float("-inf")
    while not (stop.is_set() or over.is_set()):
        wait_s = moving.line.tick()
        if moving.line.standing.here and clock.monotonic() >= look_at_s:
            _alone(moving.line.name, moving.look)
            look_at_s = clock.monotonic() + _SAY_EVERY_S
        over.wait(wait_s)
    _alone(moving.line.name, moving.line.close)


def _tell(store: Store, directions: Sequence[Moving], stop: Event, over: Event) -> None:
    """Say how they do, and keep what they hold, also while a broker lets one wait."""
    while not (stop.is_set() or over.is_set()):
        for one in directions:
            if one.line.standing.here:
                _alone(one.line.name, partial(_say, store, one))
        over.wait(_SAY_EVERY_S)


def _say(store: Store, one: Moving) -> None:
    one.line.renew()
    standing = one.line.standing
    since = None if standing.since is None else standing.since.isoformat()
    said = {"problem": standing.problem, "code": standing.code, "since": since}
    store.beat(one.line.name, {**said, **one.say()})


def _alone(name: str, task: Callable[[], None]) -> None:
    """Do what is only told: what is wrong with it stops nothing."""
    try:
        task()
    except SeatrialError as problem:
        _log.info("nothing is told of %s: %s", name, problem)
    except Exception:  # noqa: BLE001 - the border of a thread
        _log.exception("nothing is told of %s", name)


def _options(security: KafkaSecurity, environment: Mapping[str, str]) -> dict[str, str]:
    """As librdkafka names them."""
    given = {
        "security.protocol": security.protocol,
        "sasl.mechanism": security.mechanism if security.username_env else None,
        "sasl.username": secret_of(security.username_env, environment),
        "sasl.password": secret_of(security.password_env, environment),
        "ssl.ca.location": security.ca and str(security.ca),
        "ssl.certificate.location": security.certificate and str(security.certificate),
        "ssl.key.location": security.key and str(security.key),
        "ssl.key.password": secret_of(security.key_password_env, environment),
    }
    return {name: value for name, value in given.items() if value}


def _database(broker: PostgresConfig, store_url: str, environment: Mapping[str, str]) -> str:
    if broker.url_env is not None:
        return secret_of(broker.url_env, environment) or ""
    if not store_url.startswith(("postgresql://", "postgres://")):
        raise NoEventsDatabase(
            "Events go over PostgreSQL, and the store is none.",
            remedy="Name in events.broker.url_env the variable that holds the database's address.",
        )
    from seatrial.adapters.store.postgres import schema_in

    return schema_in(store_url)[0]
