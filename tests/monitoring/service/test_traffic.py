import numpy as np
import pytest

from seatrial.monitoring.service.baseline import Traffic
from seatrial.monitoring.service.config import ThroughputConfig
from seatrial.monitoring.service.finding import Level, ServiceFinding
from seatrial.monitoring.service.traffic import judge_traffic


def judged(*counts: int, critical: float | None = None) -> ServiceFinding:
    traffic = Traffic(start_s=0, width_s=300, counts=np.array(counts, dtype=np.int64))
    return judge_traffic(ThroughputConfig(critical=critical), traffic, alpha=0.001)


USUAL = [3000] * 12


@pytest.mark.parametrize(
    ("now", "critical", "level"),
    [
        (3000, None, Level.OK),
        (2000, None, Level.WARNING),
        (0, None, Level.WARNING),
        (2000, 0.5, Level.WARNING),
        (1000, 0.5, Level.CRITICAL),
        (2390, None, Level.INCONCLUSIVE),
    ],
)
def test_the_newest_span_is_held_against_what_is_usual(
    now: int, critical: float | None, level: Level
) -> None:
    assert judged(*USUAL, now, critical=critical).level is level


@pytest.mark.parametrize("counts", [(), (3000,), (3000,) * 5, (0,) * 13])
def test_without_a_past_nothing_is_usual(counts: tuple[int, ...]) -> None:
    assert judged(*counts).level is Level.INCONCLUSIVE


def test_it_says_what_is_usual() -> None:
    found = judged(*USUAL, 1500)
    assert found.reason == (
        "throughput 5 requests a second over 5 min, 50 % of the usual 10 shortly before: under 80 %"
    )
    assert (found.value, found.limit, found.n) == (5.0, 8.0, 1500)
    assert found.evidence == {"share": 0.5, "baseline_per_s": 10.0, "baseline": "recent"}
