from seatrial.monitoring.drift.severity import Severity, graded, worst


def test_the_worst_of_some_is_the_last_in_order() -> None:
    assert worst([Severity.WARNING, Severity.CRITICAL, Severity.NONE]) is Severity.CRITICAL
    assert worst([]) is Severity.NONE


def test_a_limit_that_is_reached_counts() -> None:
    found = [graded(effect, warning=0.1, critical=0.2) for effect in (0.09, 0.1, 0.2)]
    assert found == [Severity.NONE, Severity.WARNING, Severity.CRITICAL]
