"""Mails, and the ways to a mail server."""

import ssl
from email import message_from_bytes, policy

import pytest
import trustme

from seatrial.adapters.notify.smtp import SmtpNotifier, Tls
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.notify import SinkInvalid, SinkUnavailable
from seatrial.testing.notifier_suite import sample_alert, sample_notification


def notifier(mailbox, **given):
    defaults = {"sender": "watch@example.com", "recipients": ("ops@example.com",)}
    defaults |= {"tls": Tls.NONE, "timeout_s": 5}
    return SmtpNotifier("127.0.0.1", mailbox.port, **(defaults | given))


def read(mailbox):
    return message_from_bytes(mailbox.taken[-1], policy=policy.default)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def server_context(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_a_mail_has_text_and_html(mailbox):
    notifier(mailbox, link="http://console.example/").send(sample_notification())
    mail = read(mailbox)
    assert mail["Subject"] == "[CRITICAL] churn: input drift (1 firing, 0 resolved)"
    assert (mail["From"], mail["To"]) == ("watch@example.com", "ops@example.com")
    assert mail["Message-ID"] == f"<{sample_notification().id}@seatrial.invalid>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == sample_notification().at
    assert mail.get_content_type() == "multipart/alternative"
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    for part in (text, html):
        assert "PSI of income is 0.31" in part
        assert "http://console.example/" in part


def test_a_mail_in_chinese_is_readable(mailbox):
    notifier(mailbox, language="zh").send(sample_notification())
    mail = read(mailbox)
    assert mail["Subject"].startswith("【严重】churn：输入漂移")
    assert "误报概率为万分之一" in mail.get_body(("plain",)).get_content()


def test_names_from_data_become_no_markup_and_no_header(mailbox):
    hostile = sample_alert(feature="<script>alert(1)</script>\r\nBcc: all@example.com")
    notifier(mailbox).send(sample_notification(hostile))
    mail = read(mailbox)
    html = mail.get_body(("html",)).get_content()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert mail["Bcc"] is None


def test_every_recipient_gets_it_and_those_refused_are_counted(mailbox):
    mailbox.refused_recipients = {"gone@example.com"}
    both = notifier(mailbox, recipients=("ops@example.com", "gone@example.com"))
    assert both.send(sample_notification()).detail == "taken for 1 of 2 recipients"


def test_when_all_are_refused_it_is_tried_again(mailbox):
    mailbox.refused_recipients = {"ops@example.com"}
    with pytest.raises(SinkUnavailable, match=r"refused every recipient \(550\)"):
        notifier(mailbox).send(sample_notification())


def test_starttls_is_used_and_the_password_goes_over_it(mail_server, server_context, trusting):
    with mail_server(starttls=server_context) as mailbox:
        sink = notifier(
            mailbox, tls=Tls.STARTTLS, context=trusting, username="ana", password="right"
        )
        sink.send(sample_notification(sample_alert(phase=Phase.RESOLVED)))
        assert mailbox.logins == [(b"ana", b"right")]
        assert len(mailbox.taken) == 1


def test_a_server_may_be_encrypted_from_the_start(mail_server, server_context, trusting):
    with mail_server(implicit=server_context) as mailbox:
        notifier(mailbox, tls=Tls.IMPLICIT, context=trusting).send(sample_notification())
        assert len(mailbox.taken) == 1


def test_a_server_without_starttls_gets_nothing_when_it_is_asked_for(mailbox):
    with pytest.raises(SinkUnavailable, match="SMTPNotSupportedError"):
        notifier(mailbox, tls=Tls.STARTTLS).send(sample_notification())
    assert mailbox.taken == []


def test_a_certificate_nobody_vouches_for_is_refused(mail_server, server_context):
    with mail_server(starttls=server_context) as mailbox:
        with pytest.raises(SinkUnavailable, match="SSLCertVerificationError"):
            notifier(mailbox, tls=Tls.STARTTLS).send(sample_notification())
        assert mailbox.taken == []


def test_a_wrong_password_is_tried_again_and_not_told(mail_server, server_context, trusting):
    with mail_server(starttls=server_context) as mailbox:
        sink = notifier(
            mailbox, tls=Tls.STARTTLS, context=trusting, username="ana", password="wr0ng"
        )
        with pytest.raises(SinkUnavailable, match="SMTPAuthenticationError 535") as failed:
            sink.send(sample_notification())
    assert "wr0ng" not in str(failed.value)


def test_a_server_that_is_not_there_is_unavailable(mailbox):
    mailbox.port = 9
    with pytest.raises(SinkUnavailable, match=r"127\.0\.0\.1:9"):
        notifier(mailbox).send(sample_notification())


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"recipients": ()}, "no recipient"),
        ({"recipients": ("nobody",)}, "'nobody' is not a mail address"),
        ({"sender": "a@b.example\nBcc: c@d.example"}, "is not a mail address"),
        ({"sender": ""}, "is not a mail address"),
        ({"username": "ana", "password": "p"}, "no encryption"),
    ],
)
def test_what_could_not_work_is_refused_at_once(mailbox, given, problem):
    with pytest.raises(SinkInvalid, match=problem):
        notifier(mailbox, **given)
