"""Notifications by e-mail: the standard library's SMTP, encrypted unless one says otherwise."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from html import escape

from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.alerts.notify import (
    Notification,
    NotificationRefused,
    Receipt,
    SinkInvalid,
    SinkUnavailable,
)
from seatrial.monitoring.alerts.wording import Message, Section, compose

_MAX_SUBJECT = 200
_COLOURS = {Level.CRITICAL: "#b42318", Level.WARNING: "#b54708"}
_CALM = "#067647"


class Tls(StrEnum):
    """How the connection to the mail server is encrypted."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


class SmtpNotifier:
    """`monitoring.notify.Notifier` by mail.

    The ``Message-ID`` follows from the notification's id, so mailboxes that know it drop a copy.

    Args:
        host: of the mail server.
        port: of it.
        sender: address.
        recipients: at least one address.
        tls: STARTTLS is never given up when the server does not offer it.
        username: for logging in; empty for none.
        password: goes with it; never sent over a connection that is not encrypted.
        language: ``en`` or ``zh``.
        link: address of the console.
        timeout_s: for each answer of the server, in seconds > 0.
        context: what certificates to trust; those of the system unless given.
    Raises: SinkInvalid.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        recipients: tuple[str, ...],
        tls: Tls = Tls.STARTTLS,
        username: str = "",
        password: str = "",
        language: str = "en",
        link: str = "",
        timeout_s: float = 20.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        for address in (sender, *recipients):
            _check_address(address)
        if not recipients:
            raise SinkInvalid(
                "A mail sink has no recipient.", remedy="Name at least one address in `to`."
            )
        if username and tls is Tls.NONE:
            raise SinkInvalid(
                "A mail sink has a user name but no encryption, so the password would be readable.",
                remedy="Set tls to starttls or implicit, or leave the user name out.",
            )
        self._host, self._port = host, port
        self._sender, self._recipients = sender, recipients
        self._tls = tls
        self._username, self._password = username, password
        self._language, self._link = language, link
        self._timeout_s = timeout_s
        self._context = context

    def send(self, notification: Notification) -> Receipt:
        """See Notifier."""
        mail = self._mail(notification)
        try:
            with self._server() as server:
                not_reached = server.send_message(mail, self._sender, list(self._recipients))
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as refusal:
            raise self._refusal(refusal) from refusal
        except (OSError, smtplib.SMTPException) as broken:
            code = getattr(broken, "smtp_code", None)
            said = f"{type(broken).__name__}{f' {code}' if code else ''}"
            raise SinkUnavailable(
                f"The mail server {self._host}:{self._port} did not take a mail ({said}).",
                remedy="See whether host, port, tls, user and password are right.",
            ) from broken
        n = len(self._recipients) - len(not_reached)
        return Receipt(detail=f"taken for {n} of {len(self._recipients)} recipients")

    def _server(self) -> smtplib.SMTP:
        """A connection, encrypted and logged in."""
        context = self._context or ssl.create_default_context()
        if self._tls is Tls.IMPLICIT:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout_s, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        try:
            if self._tls is Tls.STARTTLS:
                server.starttls(context=context)
            if self._username:
                server.login(self._username, self._password)
        except BaseException:
            with suppress(OSError):
                server.close()
            raise
        return server

    def _refusal(
        self, refusal: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError
    ) -> SinkUnavailable | NotificationRefused:
        """Five hundreds about the data are for good; about recipients a person may correct them."""
        if isinstance(refusal, smtplib.SMTPDataError):
            problem = f"The mail server {self._host} refused the mail ({refusal.smtp_code})."
            if refusal.smtp_code >= 500:
                return NotificationRefused(problem, remedy="Ask whoever runs the mail server why.")
            return SinkUnavailable(problem, remedy="Wait: the server said it is for now.")
        codes = sorted({str(code) for code, _ in refusal.recipients.values()})
        return SinkUnavailable(
            f"The mail server {self._host} refused every recipient ({', '.join(codes)}).",
            remedy="Correct the addresses, or the sender's right to use this server.",
        )

    def _mail(self, notification: Notification) -> EmailMessage:
        message = compose(notification, self._language, link=self._link)
        mail = EmailMessage()
        mail["Subject"] = message.title[:_MAX_SUBJECT]
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._recipients)
        mail["Date"] = format_datetime(notification.at)
        mail["Message-ID"] = f"<{notification.id}@seatrial.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text())
        mail.add_alternative(html_of(notification, message), subtype="html")
        return mail


def html_of(notification: Notification, message: Message) -> str:
    """The message as a page: inline styles, nothing loaded, everything escaped."""
    colour = _COLOURS[notification.severity] if notification.firing else _CALM
    sections = "".join(_section_html(section, message) for section in message.sections)
    rest = f"<p>{escape(message.more)}</p>" if message.more else ""
    if message.link:
        rest += f'<p><a href="{escape(message.link)}">{escape(message.link)}</a></p>'
    return (
        '<!doctype html><html><body style="font-family:sans-serif;color:#101828">'
        f'<h2 style="color:{colour};font-size:18px">{escape(message.title)}</h2>'
        f"{sections}{rest}</body></html>"
    )


def _section_html(section: Section, message: Message) -> str:
    rows = "".join(
        '<tr><td style="padding:2px 12px 2px 0;color:#475467;vertical-align:top">'
        f"{escape(name)}</td><td>{escape(text)}</td></tr>"
        for name, text in section.lines
    )
    steps = "".join(f"<li>{escape(step)}</li>" for step in section.steps)
    advice = f"<p>{escape(message.next_steps)}</p><ol>{steps}</ol>" if steps else ""
    return (
        f'<h3 style="font-size:15px">{escape(section.heading)}</h3>'
        f'<table style="border-collapse:collapse;font-size:14px">{rows}</table>{advice}'
    )


def _check_address(text: str) -> None:
    try:
        address = Address(addr_spec=text)
        whole = bool(address.username and address.domain) and text.isprintable()
    except (ValueError, IndexError, MessageError):
        whole = False
    if not whole:
        raise SinkInvalid(
            f"{text!r} is not a mail address.", remedy="Write it as name@example.com."
        )
