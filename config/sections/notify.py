"""Messages to people."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.sections.base import Port, Section, web_address


def _server_without_addresses(section: "NotifySection") -> str:
    wanting = section.smtp_host and not (section.mail_from and section.recipients)
    return "smtp_host needs mail_from and mail_to" if wanting else ""


def _recipients_without_server(section: "NotifySection") -> str:
    wanting = section.recipients and not section.smtp_host
    return "mail_to needs smtp_host and mail_from; without them nobody is written to" if wanting else ""


def _password_in_plain(section: "NotifySection") -> str:
    if section.smtp_user and section.smtp_security == "none":
        return 'smtp_user needs smtp_security = "starttls" or "tls": a password does not go in plain'
    return ""


def _user_without_password(section: "NotifySection") -> str:
    wanting = section.smtp_user and not section.smtp_password_file
    return "smtp_user needs smtp_password_file" if wanting else ""


class NotifySection(Section):
    """Messages to people, by e-mail and webhook, once an event and without patient data."""

    key_rules = (
        _server_without_addresses,
        _recipients_without_server,
        _password_in_plain,
        _user_without_password,
    )

    mail_to: str = ""
    """Addresses that are written to, separated by commas."""
    mail_from: str = ""
    """Address that the messages come from."""
    smtp_host: str = ""
    """Mail server; empty: no e-mail."""
    smtp_port: Port = 587
    """Its port."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """Encryption: after a plain greeting, from the first byte, or none at all."""
    smtp_user: str = ""
    """User name there; empty: no log-in."""
    smtp_password_file: str = ""
    """File whose one line is the password."""
    smtp_ca: str = ""
    """Certificates that sign that of the mail server, PEM; empty: those of the system."""
    webhook_url: Annotated[str, AfterValidator(web_address)] = ""
    """Address that a JSON document is posted to; empty: none."""
    webhook_authorization_file: str = ""
    """File whose one line is sent as the Authorization header."""
    webhook_ca: str = ""
    """Certificates that sign that of the webhook, PEM; empty: those of the system."""
    undelivered_h: Annotated[float, Field(gt=0)] = 4.0
    """A result that has waited so long for its peer is told of, h."""
    certificate_days: Annotated[float, Field(ge=0)] = 30.0
    """A certificate that expires within this time is told of, d."""
    timeout_s: Annotated[float, Field(gt=0)] = 15.0
    """Longest wait for an answer of the mail server or the webhook, s."""
    check_every_s: Annotated[float, Field(gt=0)] = 60.0
    """Interval of the check, s."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses of `mail_to`."""
        return tuple(filter(None, (address.strip() for address in self.mail_to.split(","))))
