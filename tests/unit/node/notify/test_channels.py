import re
import socket
import ssl
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigError
from config.sections.notify import NotifySection
from node.ledger.notices import Notice
from node.notify.channel import ChannelError
from node.notify.mail import Mail
from node.notify.webhook import Webhook
from tests.unit.dicom_io.network.certificates import Authority, new_authority
from tests.unit.node.notify.servers import LOOPBACK, PASSWORD, USER, mail_server, webhook_server

NOTICES = (
    Notice("parked", "s-1", "Study s-1 is failed (BUG): `mvi-node studies explain s-1` says what to do."),
    Notice("low-disk", "storage", "1.0 GB are free."),
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("mail") / "ours")


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    files = authority.issue("mail")
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(files.certificate, files.key)
    return own


def mail(port: int, authority: Authority, **keys: Any) -> Mail:
    place = {"smtp_host": LOOPBACK, "smtp_port": port, "smtp_ca": str(authority.certificate), "timeout_s": 5}
    people = {"mail_from": "node@site", "mail_to": "anna@site, bert@site"}
    return Mail(NotifySection(**{**place, **people, **keys}), "MVINODE")


@pytest.fixture
def log_in(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    return {"smtp_user": USER, "smtp_password_file": str(tmp_path / "password")}


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_when_the_server_demands_encryption_and_log_in_then_takes_one_message_for_all(
    context: ssl.SSLContext, authority: Authority, log_in: dict[str, str], security: str
) -> None:
    # The server does not see the encryption that was there before it, and would take no log-in.
    late = security == "starttls"
    with mail_server(context, log_in=late, from_the_first_byte=not late) as box:
        own = mail(box.port, authority, smtp_security=security, **(log_in if late else {}))
        assert security in own.check()
        assert box.messages == []
        own.tell(NOTICES)
    (message,) = box.messages
    assert message["Subject"] == "MVINODE: parked (1), low-disk (1)"
    assert message["To"] == "anna@site, bert@site"
    assert message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    assert re.fullmatch(r"<[^@<>\s]+@site>", message["Message-ID"])
    assert message.get_content().split("\r\n\r\n") == [NOTICES[0].text, NOTICES[1].text + "\r\n"]
    assert box.encrypted == [True] or not late


@pytest.mark.peer("openssl")
def test_mail_when_the_server_is_not_to_be_trusted_then_the_password_is_not_sent(
    context: ssl.SSLContext, authority: Authority, log_in: dict[str, str], tmp_path: Path
) -> None:
    other = new_authority(tmp_path / "other")
    with mail_server(context, log_in=True) as box:
        with pytest.raises(ChannelError, match=r"certificate is not accepted.*notify\.smtp_ca"):
            mail(box.port, other, **log_in).tell(NOTICES)
        (tmp_path / "password").write_text("wrong", encoding="utf-8")
        with pytest.raises(ChannelError, match=r"notify\.smtp_user"):
            mail(box.port, authority, **log_in).tell(NOTICES)
    with mail_server(None) as box, pytest.raises(ChannelError, match="offers no STARTTLS"):
        mail(box.port, authority, **log_in).tell(NOTICES)
    assert box.messages == []


@pytest.mark.peer("openssl")
def test_mail_when_the_server_refuses_is_silent_or_away_then_says_so(
    authority: Authority,
) -> None:
    with mail_server(None) as box:
        box.answer = "554 no"
        with pytest.raises(ChannelError, match="it answers 554"):
            mail(box.port, authority, smtp_security="none").tell(NOTICES)
    with socket.create_server((LOOPBACK, 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ChannelError, match="no answer in time"):
            mail(port, authority, timeout_s=0.2).check()
    with pytest.raises(ChannelError, match="refused"):
        mail(port, authority).check()


def test_webhook_when_posted_to_then_gets_one_document_and_the_header(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer abc\n", encoding="utf-8")
    with webhook_server() as hook:
        url = f"http://{LOOPBACK}:{hook.port}/hook"
        section = NotifySection(webhook_url=url, webhook_authorization_file=str(tmp_path / "token"), timeout_s=5)
        own = Webhook(section, "MVINODE")
        assert own.check().endswith("answers")
        own.tell(NOTICES)
        assert hook.documents == [{"node": "MVINODE", "notices": [vars(item) for item in NOTICES]}]
        assert hook.authorizations == ["Bearer abc"]
        for hook.status in (500, 302):
            with pytest.raises(ChannelError, match=f"HTTP {hook.status}"):
                own.tell(NOTICES)
        assert len(hook.authorizations) == 3  # The redirect was not followed.
    with pytest.raises(ChannelError, match="no connection"):
        own.tell(NOTICES)


def test_channels_when_a_named_file_is_missing_then_the_key_is_named() -> None:
    section = NotifySection(webhook_url="http://x", webhook_authorization_file="/nowhere")
    with pytest.raises(ConfigError, match=r"notify\.webhook_authorization_file"):
        Webhook(section, "MVINODE")
