"""What errors of librdkafka mean; the adapter itself is tested in `integration/test_kafka.py`."""

import pytest
from confluent_kafka import KafkaError

from seatrial.adapters.events.kafka import _translated
from seatrial.events.broker import BrokerDenied, BrokerUnavailable, MessageTooLarge, TopicMissing


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError.UNKNOWN_TOPIC_OR_PART, TopicMissing),
        (KafkaError._UNKNOWN_TOPIC, TopicMissing),
        (KafkaError.MSG_SIZE_TOO_LARGE, MessageTooLarge),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, BrokerDenied),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, BrokerDenied),
        (KafkaError._AUTHENTICATION, BrokerDenied),
        (KafkaError._ALL_BROKERS_DOWN, BrokerUnavailable),
        (KafkaError._TRANSPORT, BrokerUnavailable),
        (KafkaError.NOT_LEADER_FOR_PARTITION, BrokerUnavailable),
    ],
)
def test_an_error_is_of_the_kind_that_says_what_to_do(code, kind):
    found = _translated(KafkaError(code), "seatrial.events")
    assert type(found) is kind
    assert "'seatrial.events'" in found.problem
    assert found.retryable == (kind is BrokerUnavailable)
