"""Events over Kafka, by librdkafka. Why so, and why readers join no group: docs/adr/0042."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seatrial.events.broker import (
    BrokerAddressInvalid,
    BrokerDenied,
    BrokerUnavailable,
    Delivery,
    Message,
    MessageTooLarge,
    TopicMissing,
)
from seatrial.events.envelope import CONTENT_TYPE
from seatrial.kernel.errors import MissingExtra, SeatrialError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Producer

_LOOK_AGAIN_S = 60.0
"""How soon partitions that were added to a topic are read."""

_WHOLE = 64 * 2**20
"""Bytes of a message that the client itself would refuse; the configuration says less."""


class KafkaBroker:
    """`events.broker.Broker` on Kafka.

    Args:
        servers: such as ``broker-1:9092,broker-2:9092``.
        options: further ones of librdkafka, such as those of its security.
        timeout_s: how long the brokers may take to answer, > 0.
    Raises: MissingExtra.
    """

    def __init__(
        self, servers: str, *, options: Mapping[str, str] | None = None, timeout_s: float = 10.0
    ) -> None:
        try:
            import confluent_kafka  # noqa: F401 - whether it is there
        except ImportError as error:
            raise MissingExtra("confluent_kafka", "kafka") from error
        self._timeout_s = timeout_s
        self._options: dict[str, Any] = {
            "bootstrap.servers": servers,
            "client.id": "seatrial",
            "socket.timeout.ms": round(timeout_s * 1000),
            "topic.metadata.refresh.interval.ms": 30_000,
            "log_level": 2,  # what fails is told by us, once
            **(options or {}),
        }

    def publisher(self) -> KafkaPublisher:
        """See Broker."""
        from confluent_kafka import Producer

        options = self._options | {
            "enable.idempotence": True,  # so acknowledged by all replicas, and in order
            "linger.ms": 5,
            "compression.type": "gzip",
            "message.max.bytes": _WHOLE,
            # Nothing is given up one by one: what is late is given up together, in `publish`.
            "message.timeout.ms": round(self._timeout_s * 4000),
        }
        return KafkaPublisher(_made(Producer, options), timeout_s=self._timeout_s)

    def reader(self, topic: str, group: str) -> KafkaReader:
        """See Broker."""
        from confluent_kafka import Consumer

        options = self._options | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": True,
            "queued.max.messages.kbytes": 32 * 1024,
        }
        return KafkaReader(_made(Consumer, options), topic, timeout_s=self._timeout_s)


class KafkaPublisher:
    """See Publisher. After an error it is to be closed, since its order may be lost."""

    def __init__(self, producer: Producer, *, timeout_s: float) -> None:
        self._producer = producer
        self._timeout_s = timeout_s

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """See Publisher."""
        from confluent_kafka import KafkaException

        failed: list[KafkaError] = []

        def on_delivery(problem: KafkaError | None, _: object) -> None:
            if problem is not None:
                failed.append(problem)

        try:
            for message in messages:
                self._produce(topic, message, on_delivery)
            n_left = self._producer.flush(self._timeout_s)
        except KafkaException as error:
            raise _translated(error.args[0], topic) from error
        if failed:
            raise _translated(failed[0], topic)
        if n_left:
            self._producer.purge()
            raise BrokerUnavailable(
                f"Kafka has not taken {n_left} of {len(messages)} messages to the topic "
                f"{topic!r} within {self._timeout_s:g} s.",
                remedy="See whether its brokers run, and can be reached at their advertised "
                "addresses.",
                topic=topic,
            )

    def _produce(self, topic: str, message: Message, on_delivery: Any) -> None:
        headers: dict[str, str | bytes | None] = {"content-type": CONTENT_TYPE}
        while True:
            try:
                self._producer.produce(
                    topic,
                    key=message.key.encode(),
                    value=message.body,
                    headers=headers,
                    on_delivery=on_delivery,
                )
            except BufferError:  # the client's queue is full: let some go first
                self._producer.poll(0.1)
            else:
                return

    def close(self) -> None:
        """See Publisher."""
        self._producer.purge()
        self._producer.flush(0.5)


class KafkaReader:
    """See Reader. It is given all partitions and joins no group, so it reads at once.

    Args:
        consumer: without subscription.
        topic: what to read.
        timeout_s: how long the brokers may take to answer.
    """

    def __init__(self, consumer: Consumer, topic: str, *, timeout_s: float) -> None:
        self._consumer = consumer
        self._topic = topic
        self._timeout_s = timeout_s
        self._known: set[int] = set()
        self._look_at_s = 0.0
        try:
            self._look()
        except BaseException:
            consumer.close()
            raise

    def receive(self, *, limit: int, wait_s: float) -> list[Delivery]:
        """See Reader."""
        from confluent_kafka import KafkaException

        try:
            if time.monotonic() >= self._look_at_s:
                self._look()
            found = self._consumer.consume(1, timeout=wait_s)
            if found and limit > 1:  # what else is there: it would wait for all of them
                found += self._consumer.consume(limit - 1, timeout=0.05)
        except KafkaException as error:
            raise _translated(error.args[0], self._topic) from error
        deliveries = []
        for message in found:
            problem = message.error()
            if problem is not None:
                raise _translated(problem, self._topic)
            place = f"{message.topic()}/{message.partition()}/{message.offset()}"
            deliveries.append(Delivery(body=message.value() or b"", place=place))
        return deliveries

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """See Reader."""
        from confluent_kafka import KafkaException, TopicPartition

        reached: dict[int, int] = {}
        for delivery in deliveries:
            partition, offset = delivery.place.rsplit("/", 2)[1:]
            reached[int(partition)] = int(offset) + 1
        if not reached:
            return
        offsets = [TopicPartition(self._topic, p, at) for p, at in reached.items()]
        try:
            for said in self._consumer.commit(offsets=offsets, asynchronous=False) or ():
                if said.error is not None:
                    raise _translated(said.error, self._topic)
        except KafkaException as error:
            raise _translated(error.args[0], self._topic) from error

    def n_waiting(self) -> int | None:
        """See Reader: None until every partition was asked for messages."""
        from confluent_kafka import KafkaException

        n = 0
        try:
            for at in self._consumer.committed(self._parts(), timeout=self._timeout_s):
                # As the newest reply to the reader had it; the brokers are not asked again.
                _, high = self._consumer.get_watermark_offsets(at, cached=True)
                if high < 0:
                    return None
                n += max(0, high - max(0, at.offset))
        except KafkaException as error:
            raise _translated(error.args[0], self._topic) from error
        return n

    def close(self) -> None:
        """See Reader."""
        self._consumer.close()

    def _look(self) -> None:
        """Take up the partitions there are, each from where the group left it."""
        from confluent_kafka import KafkaException, TopicPartition

        self._look_at_s = time.monotonic() + _LOOK_AGAIN_S
        try:
            told = self._consumer.list_topics(self._topic, timeout=self._timeout_s)
            topic = told.topics[self._topic]
            if topic.error is not None:
                raise _translated(topic.error, self._topic)
            new = sorted(set(topic.partitions) - self._known)
            if not new:
                return
            parts = [TopicPartition(self._topic, partition) for partition in new]
            committed = self._consumer.committed(parts, timeout=self._timeout_s)
            for part in committed:
                if part.error is not None:
                    raise _translated(part.error, self._topic)
            self._consumer.incremental_assign(
                [TopicPartition(self._topic, part.partition, part.offset) for part in committed]
            )
        except KafkaException as error:
            raise _translated(error.args[0], self._topic) from error
        self._known |= set(new)

    def _parts(self) -> list[Any]:
        from confluent_kafka import TopicPartition

        return [TopicPartition(self._topic, partition) for partition in sorted(self._known)]


def _made(kind: Any, options: Mapping[str, Any]) -> Any:
    from confluent_kafka import KafkaException

    try:
        return kind(dict(options))
    except KafkaException as error:
        raise BrokerAddressInvalid(
            f"The client of Kafka cannot be made: {error.args[0].str()}.",
            remedy="Look at events.broker: its servers, and the files and names of its security.",
        ) from error


def _translated(problem: KafkaError, topic: str) -> SeatrialError:
    """What an error of librdkafka means; whatever is not known is taken for passing."""
    from confluent_kafka import KafkaError

    code, said = problem.code(), problem.str()
    if code in (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE):
        return MessageTooLarge(
            f"Kafka takes no message of this size to the topic {topic!r} ({said}).",
            remedy="Set events.publish.max_bytes under the topic's max.message.bytes.",
            topic=topic,
        )
    if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
        return TopicMissing(
            f"Kafka has no topic {topic!r}, and makes none by itself.",
            remedy="Make the topics of the section events; the page on events has the command.",
            topic=topic,
        )
    denied = (
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
    )
    if code in denied:
        return BrokerDenied(
            f"Kafka does not let this user at the topic {topic!r} ({said}).",
            remedy="Look at events.broker.security, and at the rights of its user and group.",
            topic=topic,
        )
    return BrokerUnavailable(
        f"Kafka does not answer as it should about the topic {topic!r} ({said}).",
        remedy="See whether its brokers run, and can be reached at their advertised addresses.",
        topic=topic,
    )
