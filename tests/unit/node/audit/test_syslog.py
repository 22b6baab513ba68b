import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from xml.etree import ElementTree

import pytest

from node.audit import syslog
from node.audit.sent import SENT_FILE
from node.audit.syslog import SyslogSender, tls_connect
from node.audit.trail import Trail
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.node.audit.test_trail import EVENT

LOOPBACK = "127.0.0.1"


class Repository:
    """A syslog server over TLS that keeps the bytes of each connection."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        # Little room: most of what is sent waits with the sender until somebody reads.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._context = context
        self.port: int = self._listener.getsockname()[1]
        self._received: SimpleQueue[bytes] = SimpleQueue()
        self.may_read = threading.Event()
        self.may_read.set()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, self._context.wrap_socket(connection, server_side=True) as encrypted:
                self.may_read.wait(10)
                self._received.put(b"".join(iter(lambda: encrypted.recv(65536), b"")))

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def messages(self, connections: int) -> list[bytes]:
        """Return what so many connections brought; they may still be on their way."""
        streams = [self._received.get(timeout=10) for _ in range(connections)]
        return [message for stream in streams for message in unframed(stream)]


def unframed(stream: bytes) -> list[bytes]:
    """Split by the lengths that RFC 5425 puts before each message."""
    messages = []
    while stream:
        length, _, rest = stream.partition(b" ")
        messages.append(rest[: int(length)])
        stream = rest[int(length) :]
    return messages


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    files = new_authority(tmp_path_factory.mktemp("certificates") / "ca").issue("repository")
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(files.certificate, files.key)
    client.load_verify_locations(files.authority)
    return server, client


@pytest.fixture
def repository(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Repository]:
    running = Repository(contexts[0])
    yield running
    running.stop()


def sender(trail: Trail, folder: Path, port: int, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> SyslogSender:
    return SyslogSender(trail, folder, tls_connect(LOOPBACK, port, contexts[1]), "MVINODE")


@pytest.mark.peer("openssl")
def test_messages_when_the_repository_answers_then_each_arrives_once_also_after_a_restart(
    tmp_path: Path, repository: Repository, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    trail = Trail(tmp_path)
    trail.append(EVENT)
    trail.append(EVENT)
    first = sender(trail, tmp_path, repository.port, contexts)
    assert first.send() == 2
    assert first.send() == 0
    trail.append(EVENT)
    assert sender(trail, tmp_path, repository.port, contexts).send() == 1
    messages = repository.messages(2)
    assert len(messages) == 3
    header, _, body = messages[0].partition(b"\xef\xbb\xbf")
    assert header.decode() == "<85>1 2026-03-01T12:00:00.000+00:00 MVINODE mvi-node - DICOM+RFC3881 - "
    assert ElementTree.fromstring(body).tag == "AuditMessage"  # noqa: S314 - made above


@pytest.mark.peer("openssl")
def test_messages_when_the_repository_reads_after_the_sender_has_gone_then_all_are_there(
    tmp_path: Path,
    repository: Repository,
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Session tickets of TLS 1.3 that nobody reads reset the connection, and what is still on its way is lost.
    monkeypatch.setattr(syslog, "GOODBYE_S", 0.2)
    trail = Trail(tmp_path)
    for _ in range(20):
        trail.append(EVENT)
    repository.may_read.clear()
    assert sender(trail, tmp_path, repository.port, contexts).send() == 20
    repository.may_read.set()
    assert len(repository.messages(1)) == 20


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("restarted", [False, True])
def test_messages_when_lines_were_cut_off_then_those_in_their_place_arrive_all_the_same(
    tmp_path: Path,
    repository: Repository,
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    caplog: pytest.LogCaptureFixture,
    restarted: bool,
) -> None:
    trail = Trail(tmp_path)
    for _ in range(4):
        trail.append(EVENT)
    own = sender(trail, tmp_path, repository.port, contexts)
    assert own.send() == 4
    trail.path.write_bytes(b"".join(trail.path.read_bytes().splitlines(keepends=True)[:2]))
    for _ in range(3):
        trail.append(replace(EVENT, study_instance_uid="1.2.999"))
    if restarted:
        own = sender(trail, tmp_path, repository.port, contexts)
    assert own.send() == 5
    assert "cut short or changed" in caplog.text
    assert own.send() == 0
    trail.append(EVENT)
    assert own.send() == 1
    assert sum(b"1.2.999" in message for message in repository.messages(3)) == 3


@pytest.mark.peer("openssl")
def test_messages_when_an_earlier_version_kept_the_number_alone_then_goes_on_from_it(
    tmp_path: Path, repository: Repository, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    trail = Trail(tmp_path)
    for _ in range(3):
        trail.append(EVENT)
    (tmp_path / SENT_FILE).write_text('{"number": 2}', encoding="utf-8")
    assert sender(trail, tmp_path, repository.port, contexts).send() == 1


@pytest.mark.peer("openssl")
def test_messages_when_the_repository_is_away_then_they_wait_and_none_is_lost(
    tmp_path: Path, repository: Repository, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    trail = Trail(tmp_path)
    trail.append(EVENT)
    with socket.socket() as closed:
        closed.bind((LOOPBACK, 0))
        assert sender(trail, tmp_path, closed.getsockname()[1], contexts).send() == 0
    assert sender(trail, tmp_path, repository.port, contexts).send() == 1


@pytest.mark.peer("openssl")
def test_messages_when_the_repository_has_another_certificate_then_nothing_is_sent(
    tmp_path: Path, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    foreign = new_authority(tmp_path / "foreign").issue("impostor")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(foreign.certificate, foreign.key)
    trail = Trail(tmp_path)
    trail.append(EVENT)
    listener = socket.create_server((LOOPBACK, 0))
    refused: list[str] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                server.wrap_socket(connection, server_side=True).close()
            except (ssl.SSLError, ConnectionError) as error:
                refused.append(str(error))

    thread = threading.Thread(target=serve)
    thread.start()
    assert sender(trail, tmp_path, listener.getsockname()[1], contexts).send() == 0
    thread.join(10)
    listener.close()
    assert refused
