"""Every encoder against the suite that defines one."""

from functools import cache

import pytest

from seatrial.adapters.llm.tokens_toktok import ToktokEncoder
from seatrial.gateway.tokens.encodings import Encoding
from seatrial.gateway.tokens.estimate import CLAUDE, RECENT, EstimatingEncoder
from seatrial.testing.encoder_suite import EncoderSuite


@cache
def exact(encoding: Encoding) -> ToktokEncoder:
    """Read once, for it takes a while."""
    return ToktokEncoder(encoding)


class TestToktok(EncoderSuite):
    @pytest.fixture(params=list(Encoding))
    def encoder(self, request: pytest.FixtureRequest) -> ToktokEncoder:
        return exact(request.param)


class TestEstimate(EncoderSuite):
    @pytest.fixture(params=[CLAUDE, RECENT], ids=["claude", "recent"])
    def encoder(self, request: pytest.FixtureRequest) -> EstimatingEncoder:
        return EstimatingEncoder(request.param)
