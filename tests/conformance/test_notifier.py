"""Every way to a sink against the suite that defines one."""

import pytest

from seatrial.adapters.notify.alertmanager import AlertmanagerNotifier
from seatrial.adapters.notify.smtp import SmtpNotifier, Tls
from seatrial.adapters.notify.webhook import Dialect, WebhookNotifier
from seatrial.testing.notifier_suite import NotifierSuite
from seatrial.testing.recording_notifier import RecordingNotifier


class TestRecordingNotifier(NotifierSuite):
    @pytest.fixture
    def notifier(self):
        self.sink = RecordingNotifier()
        return self.sink

    def taken(self):
        return [one.id for one in self.sink.taken]

    def break_sink(self):
        self.sink.fails = lambda attempt: True

    def mend_sink(self):
        self.sink.fails = lambda attempt: False

    def make_sink_refuse(self):
        self.sink.refuses = True


class OverHttp(NotifierSuite):
    def taken(self):
        return [one.text for one in self.hooks.taken]

    def break_sink(self):
        self.hooks.status = 503

    def mend_sink(self):
        self.hooks.status = 200

    def make_sink_refuse(self):
        self.hooks.status = 400


class TestWebhook(OverHttp):
    @pytest.fixture
    def notifier(self, hooks):
        self.hooks = hooks
        return WebhookNotifier(Dialect.GENERIC, hooks.url, secret="s3cret")


class TestSlack(OverHttp):
    keyed = False

    @pytest.fixture
    def notifier(self, hooks):
        self.hooks = hooks
        return WebhookNotifier(Dialect.SLACK, hooks.url)


class TestAlertmanager(OverHttp):
    keyed = False  # it knows alerts by their labels: telling one twice changes nothing

    @pytest.fixture
    def notifier(self, hooks):
        self.hooks = hooks
        return AlertmanagerNotifier(hooks.url)


class AnswersInBody(NotifierSuite):
    """Status 200 whatever happened."""

    keyed = False
    dialect: Dialect
    ok: bytes
    busy: bytes
    bad: bytes

    @pytest.fixture
    def notifier(self, hooks):
        self.hooks = hooks
        self.n_broken = 0
        self.mend_sink()
        secret = "" if self.dialect is Dialect.WECOM else "SECabc"
        return WebhookNotifier(self.dialect, hooks.url, secret=secret, language="zh")

    def taken(self):
        return [one.text for one in self.hooks.taken[self.n_broken :]]

    def break_sink(self):
        self.n_broken = 1
        self.hooks.answer = self.busy

    def mend_sink(self):
        self.hooks.answer = self.ok

    def make_sink_refuse(self):
        self.hooks.answer = self.bad


class TestFeishu(AnswersInBody):
    dialect = Dialect.FEISHU
    ok = b'{"code": 0, "msg": "success", "data": {}}'
    busy = b'{"code": 11232, "msg": "frequency limited"}'
    bad = b'{"code": 9499, "msg": "Bad Request"}'


class TestDingtalk(AnswersInBody):
    dialect = Dialect.DINGTALK
    ok = b'{"errcode": 0, "errmsg": "ok"}'
    busy = b'{"errcode": 130101, "errmsg": "send too fast"}'
    bad = b'{"errcode": 400105, "errmsg": "unsupported msgtype"}'


class TestWecom(AnswersInBody):
    dialect = Dialect.WECOM
    ok = b'{"errcode": 0, "errmsg": "ok"}'
    busy = b'{"errcode": 45009, "errmsg": "api freq out of limit"}'
    bad = b'{"errcode": 40058, "errmsg": "markdown.content exceed max length"}'


class TestSmtp(NotifierSuite):
    @pytest.fixture
    def notifier(self, mailbox):
        self.mailbox = mailbox
        return SmtpNotifier(
            "127.0.0.1",
            mailbox.port,
            sender="watch@example.com",
            recipients=("ops@example.com",),
            tls=Tls.NONE,
        )

    def taken(self):
        return [mail.decode() for mail in self.mailbox.taken]

    def break_sink(self):
        self.mailbox.data_reply = "451 try again later"

    def mend_sink(self):
        self.mailbox.data_reply = "250 OK"

    def make_sink_refuse(self):
        self.mailbox.data_reply = "554 never"
