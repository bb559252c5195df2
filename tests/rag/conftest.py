"""What tests of retrieval share."""

import time
from contextlib import contextmanager

import pytest


@pytest.fixture
def cpu_seconds():
    """A block that may use so much CPU: far more than a linear pass, far less than a square one."""

    @contextmanager
    def limited(*, at_most: float):
        began = time.process_time()
        yield
        assert time.process_time() - began < at_most

    return limited
