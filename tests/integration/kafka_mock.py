"""librdkafka's own mock cluster as a process: prints where it listens, runs until it is killed."""

import sys
import time

from confluent_kafka import Producer

producer = Producer({"test.mock.num.brokers": 3, "log_level": 2})
brokers = producer.list_topics(timeout=10).brokers.values()
print(",".join(f"{one.host}:{one.port}" for one in brokers), flush=True)
while sys.stdin.readable():
    time.sleep(0.5)
