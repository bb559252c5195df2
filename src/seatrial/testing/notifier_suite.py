"""What a way to a sink must do: the suite for `monitoring.notify.Notifier`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.finding import Finding, Kind, Labels, Level, Phrase
from seatrial.monitoring.alerts.notify import (
    Notification,
    NotificationRefused,
    Notifier,
    Receipt,
    SinkUnavailable,
)

_AT = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
_HOSTILE = '<!channel> @all [x](http://evil.example) "quoted" \\ & \u202e 人口\n\r\x00 **b**'


def sample_alert(
    *,
    feature: str | None = "income",
    severity: Level = Level.CRITICAL,
    phase: Phase = Phase.FIRING,
) -> Alert:
    """An alert with everything in it."""
    labels = Labels(
        endpoint="churn", kind=Kind.INPUT_DRIFT, version=3, feature=feature, segment="country=DE"
    )
    finding = Finding(
        labels=labels,
        level=severity,
        what=Phrase("PSI of income is 0.31 against the reference", "income 的 PSI 为 0.31"),
        sure=Phrase("false alarm in 1 of 10,000 windows", "误报概率为万分之一"),
        since=_AT - timedelta(hours=1),
        features=("income", "age"),
        segments=("country=DE",),
        evidence={"psi": 0.31},
    )
    ended = phase is Phase.RESOLVED
    return Alert(
        labels=labels,
        phase=phase,
        episode=1,
        severity=severity,
        finding=finding,
        pending_at=_AT - timedelta(minutes=40),
        fired_at=_AT - timedelta(minutes=30),
        severity_at=_AT - timedelta(minutes=30),
        updated_at=_AT - timedelta(minutes=30),
        resolved_at=_AT if ended else None,
        reason="the trouble is gone" if ended else "",
    )


def sample_notification(*alerts: Alert, id: str = "0123456789abcdef01234567") -> Notification:  # noqa: A002
    """A notification of some alerts, `sample_alert` if none is given."""
    return Notification(
        id=id,
        sink="ops",
        group="churn / input_drift",
        alerts=alerts or (sample_alert(),),
        at=_AT,
        repeat_s=3600.0,
    )


class NotifierSuite:
    """Subclass it as ``Test...`` with a fixture ``notifier`` and four methods.

    The sink behind the notifier is the subclass's: a local server, or the fake itself.
    """

    keyed = True
    """Whether messages carry the idempotency key; a declared gap where the sink has no place."""

    def taken(self) -> list[str]:
        """What the sink has taken, heads and body of each message as text, in order."""
        raise NotImplementedError

    def break_sink(self) -> None:
        """Make the sink fail for a reason that may pass."""
        raise NotImplementedError

    def mend_sink(self) -> None:
        """Make it work again."""
        raise NotImplementedError

    def make_sink_refuse(self) -> None:
        """Make the sink say that it will never take what it is sent."""
        raise NotImplementedError

    def test_a_message_taken_has_a_receipt(self, notifier: Notifier) -> None:
        """And the sink has it once."""
        assert isinstance(notifier.send(sample_notification()), Receipt)
        assert len(self.taken()) == 1

    def test_the_same_message_twice_has_the_same_key(self, notifier: Notifier) -> None:
        """At least once: whoever reads must be able to tell a copy."""
        sent = sample_notification()
        notifier.send(sent)
        notifier.send(sent)
        assert [sent.id in text for text in self.taken()] == [self.keyed, self.keyed]

    def test_a_sink_that_is_down_may_be_tried_again(self, notifier: Notifier) -> None:
        """Nothing is taken, the error says try again, and then it works."""
        self.break_sink()
        with pytest.raises(SinkUnavailable) as failed:
            notifier.send(sample_notification())
        assert failed.value.retryable
        assert failed.value.remedy
        self.mend_sink()
        notifier.send(sample_notification())
        assert len(self.taken()) == 1

    def test_a_refusal_is_for_good(self, notifier: Notifier) -> None:
        """It is another error than that of a sink that is down."""
        self.make_sink_refuse()
        with pytest.raises(NotificationRefused) as refused:
            notifier.send(sample_notification())
        assert not refused.value.retryable

    @pytest.mark.parametrize("phase", [Phase.FIRING, Phase.RESOLVED])
    @pytest.mark.parametrize("severity", [Level.WARNING, Level.CRITICAL])
    def test_every_state_of_an_alert_can_be_told(
        self, notifier: Notifier, phase: Phase, severity: Level
    ) -> None:
        """Begin and end, of both severities."""
        notifier.send(sample_notification(sample_alert(phase=phase, severity=severity)))
        assert len(self.taken()) == 1

    def test_an_alert_with_nothing_known_can_be_told(self, notifier: Notifier) -> None:
        """Unknown is None, and no reason to stay silent."""
        bare = Alert(
            labels=Labels(endpoint="churn", kind="own_kind"),
            phase=Phase.RESOLVED,
            episode=2,
        )
        notifier.send(sample_notification(bare))
        assert len(self.taken()) == 1

    def test_hundreds_of_alerts_fit_one_message(self, notifier: Notifier) -> None:
        """Whatever bounds the sink has."""
        many = [sample_alert(feature=f"特征 {'x' * 150} {n}") for n in range(200)]
        notifier.send(sample_notification(*many))
        assert len(self.taken()) == 1

    def test_names_from_data_are_only_text(self, notifier: Notifier) -> None:
        """Markup, mentions, control characters and other scripts in a column's name."""
        notifier.send(sample_notification(sample_alert(feature=_HOSTILE)))
        assert len(self.taken()) == 1

    def test_the_notification_stays_as_it_was(self, notifier: Notifier) -> None:
        """It may be sent again."""
        sent = sample_notification()
        before = replace(sent)
        notifier.send(sent)
        assert sent == before
