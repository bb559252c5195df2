from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.errors import Invalid
from seatrial.packaging.sizing import Measured, size

TYPICAL = Measured(
    rss_bytes=120 << 20, cpu_per_request_s=0.004, requests_per_s=80, p95_s=0.02, start_s=0.8
)


def test_resources_are_what_was_measured_with_head_room() -> None:
    needs = size(TYPICAL)
    assert needs.memory_mib == 192  # 180, rounded up to 32
    assert needs.cpu_m == 350  # 320, rounded up to 50
    assert needs.start_s == 30
    assert needs.latency_s == 1.0
    assert "120 MiB" in needs.why
    assert "0.32 cores" in needs.why


def test_a_slow_model_gets_time_to_start_and_to_answer() -> None:
    needs = size(replace(TYPICAL, p95_s=0.5, start_s=12.0))
    assert needs.start_s == 120
    assert needs.latency_s == 10.0


def test_without_a_measurement_the_figures_are_said_to_be_a_guess() -> None:
    assert "guess" in size(None).why


@given(
    st.builds(
        Measured,
        rss_bytes=st.integers(1, 1 << 45),
        cpu_per_request_s=st.floats(1e-9, 1e3),
        requests_per_s=st.floats(1e-3, 1e6),
        p95_s=st.floats(1e-6, 1e3),
        start_s=st.floats(0, 1e4),
    )
)
def test_no_replica_gets_less_than_what_was_measured(measured: Measured) -> None:
    needs = size(measured)
    assert needs.memory_mib * (1 << 20) >= 1.5 * measured.rss_bytes
    assert needs.cpu_m >= 1000 * measured.cpu_per_request_s * measured.requests_per_s * 0.999
    assert needs.start_s >= measured.start_s
    assert needs.latency_s >= measured.p95_s


@pytest.mark.parametrize(
    ("field", "value"),
    [("rss_bytes", 0), ("cpu_per_request_s", -1.0), ("requests_per_s", float("nan")), ("p95_s", 0)],
)
def test_what_cannot_have_been_measured_is_refused(field: str, value: float) -> None:
    with pytest.raises(Invalid) as caught:
        replace(TYPICAL, **{field: value})
    assert caught.value.facts["field"] == field
