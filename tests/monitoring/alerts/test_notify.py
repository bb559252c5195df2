"""Notifications and their records."""

from seatrial.kernel.plain import decode, encode
from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.finding import Labels, Level
from seatrial.monitoring.alerts.notify import notification_from, notification_record
from seatrial.testing.notifier_suite import sample_alert, sample_notification


def test_a_notification_is_read_back_as_it_was_written():
    sent = sample_notification(sample_alert(), sample_alert(feature=None, phase=Phase.RESOLVED))
    assert notification_from("ops", decode(encode(notification_record(sent), "it"))) == sent


def test_an_alert_of_which_nothing_is_known_is_read_back_too():
    bare = Alert(labels=Labels(endpoint="a", kind="own"), phase=Phase.FIRING, episode=1)
    sent = sample_notification(bare)
    assert notification_from("ops", decode(encode(notification_record(sent), "it"))) == sent


def test_the_severity_is_the_worst_that_fires():
    warning = sample_alert(feature="age", severity=Level.WARNING)
    ended = sample_alert(severity=Level.CRITICAL, phase=Phase.RESOLVED)
    assert sample_notification(warning, ended).severity is Level.WARNING
    assert sample_notification(ended).severity is Level.CRITICAL
    assert sample_notification(warning, sample_alert()).severity is Level.CRITICAL
