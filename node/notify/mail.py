"""Notices by e-mail: one message for what is new, over a connection that is encrypted unless told otherwise."""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from config.errors import ConfigError
from config.sections.notify import NotifySection
from node.ledger.ledger import utc_now
from node.ledger.notices import Notice
from node.notify.channel import ChannelError


class Mail:
    """Sends through one mail server.

    Parameters
    ----------
    ae_title
        Which node says so.

    Raises
    ------
    ConfigError
        The password or the certificates cannot be read.
    """

    name = "mail"

    def __init__(self, notify: NotifySection, ae_title: str) -> None:
        self._notify = notify
        self._ae_title = ae_title
        self._password = line_of(notify.smtp_password_file, "notify.smtp_password_file")
        try:
            self._context = ssl.create_default_context(cafile=notify.smtp_ca or None)
        except OSError as error:  # Also ssl.SSLError: no certificate in the file.
            raise ConfigError(
                [f"notify.smtp_ca: {notify.smtp_ca} holds no certificate that can be read"]
            ) from error

    def tell(self, notices: Sequence[Notice]) -> None:
        """Send one message.

        Raises
        ------
        ChannelError
            The server cannot be reached, or does not take it.
        """
        message = EmailMessage()
        message["Subject"] = f"{self._ae_title}: {subject_of(notices)}"
        message["From"] = self._notify.mail_from
        message["To"] = ", ".join(self._notify.recipients)
        # RFC 5322 3.6: a date is a must, and what has no identifier is taken for spam by many.
        message["Date"] = format_datetime(utc_now())
        message["Message-ID"] = make_msgid(domain=self._notify.mail_from.rpartition("@")[2])
        # RFC 3834: nobody's absence is announced to a machine.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n\n".join(item.text for item in notices) + "\n")
        with self._connected() as server:
            server.send_message(message)

    def check(self) -> str:
        """Log in and send nothing; return what to say of it.

        Raises
        ------
        ChannelError
            The server cannot be reached, or does not know this node.
        """
        with self._connected() as server:
            server.noop()
        return f"{self._notify.smtp_host}:{self._notify.smtp_port} answers ({self._notify.smtp_security})"

    def _connected(self) -> "_Connected":
        return _Connected(self._notify, self._context, self._password)


class _Connected:
    """A mail server, logged in to, for the time of a block."""

    def __init__(self, notify: NotifySection, context: ssl.SSLContext, password: str) -> None:
        self._notify = notify
        self._context = context
        self._password = password
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> smtplib.SMTP:
        try:
            self._server = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            self._close()
            raise _failed(error) from error
        return self._server

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._close()
        if isinstance(error, (OSError, smtplib.SMTPException)):
            raise _failed(error) from error

    def _connect(self) -> smtplib.SMTP:
        notify = self._notify
        place = (notify.smtp_host, notify.smtp_port)
        if notify.smtp_security == "tls":
            self._server = smtplib.SMTP_SSL(*place, timeout=notify.timeout_s, context=self._context)
        else:
            self._server = smtplib.SMTP(*place, timeout=notify.timeout_s)
        if notify.smtp_security == "starttls":
            # Raises where the server offers none: a password never goes out in plain.
            self._server.starttls(context=self._context)
        if notify.smtp_user:
            self._server.login(notify.smtp_user, self._password)
        return self._server

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()


def subject_of(notices: Sequence[Notice]) -> str:
    """Return the kinds of notices and how many there are of each."""
    kinds = list(dict.fromkeys(item.kind for item in notices))
    return ", ".join(f"{kind} ({sum(item.kind == kind for item in notices)})" for kind in kinds)


def line_of(path: str, key: str) -> str:
    """Return the text of a file that a key of the settings names; empty where it names none.

    Raises
    ------
    ConfigError
        It cannot be read.
    """
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{key}: {path} cannot be read as text"]) from error


def _failed(error: Exception) -> ChannelError:
    match error:
        case smtplib.SMTPAuthenticationError():
            because = "it does not take notify.smtp_user and its password"
        case smtplib.SMTPNotSupportedError():
            because = 'it offers no STARTTLS or no log-in; set notify.smtp_security = "tls", or ask who runs it'
        case smtplib.SMTPRecipientsRefused():
            because = "it refuses every address of notify.mail_to"
        case smtplib.SMTPResponseException():
            because = f"it answers {error.smtp_code}"
        case ssl.SSLCertVerificationError():
            because = f"its certificate is not accepted: {error.verify_message}; set notify.smtp_ca"
        case ssl.SSLError():
            because = f"no TLS with it ({error.reason}); see notify.smtp_security and notify.smtp_port"
        case TimeoutError() | smtplib.SMTPServerDisconnected(__context__=TimeoutError()):
            because = "no answer in time"
        case smtplib.SMTPServerDisconnected():
            because = "it closes the connection"
        case OSError(strerror=str() as words):
            because = words.lower()
        case _:
            because = type(error).__name__
    return ChannelError(f"the mail server cannot be used: {because}")
