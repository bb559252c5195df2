import pytest

from seatrial.adapters.llm.tokens_toktok import ToktokEncoder
from seatrial.gateway.tokens.counters import Counters
from seatrial.gateway.tokens.windows import WindowTable


@pytest.fixture(scope="session")
def counters():
    return Counters(ToktokEncoder, windows=WindowTable())
