"""Brokers against the suite that defines one; Kafka's is in `integration/test_kafka.py`."""

import os
from uuid import uuid4

import pytest

from seatrial.adapters.events.postgres import PostgresBroker
from seatrial.adapters.events.redis import RedisBroker
from seatrial.testing.broker_suite import BrokerSuite
from seatrial.testing.memory_broker import MemoryBroker


class TestMemoryBroker(BrokerSuite):
    @pytest.fixture
    def broker(self):
        return MemoryBroker()


@pytest.mark.integration
class TestRedisBroker(BrokerSuite):
    @pytest.fixture
    def broker(self, redis_server):
        return RedisBroker(redis_server.url)


@pytest.mark.integration
class TestPostgresBroker(BrokerSuite):
    @pytest.fixture
    def broker(self):
        import psycopg

        url = os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres
        schema = f"t_{uuid4().hex}"
        yield PostgresBroker(url, schema=schema)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
