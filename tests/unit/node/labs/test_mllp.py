"""Blocks on a connection: in pieces, with rubbish between them, too long, without an end, and too many at once."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.sections.labs import LabsSection
from node.labs.answering import AnswerGroup
from node.labs.mllp import MllpServer
from node.labs.mllp_blocks import Limits
from node.labs.tls import server_context
from tests.unit.dicom_io.network.certificates import new_authority, with_password
from tests.unit.node.labs.sender import Sender

LIMITS = Limits(message_bytes=2000, connections=3, idle_s=30, message_s=30)


@contextmanager
def serving(
    limits: Limits = LIMITS,
    tls: ssl.SSLContext | None = None,
    answer: Callable[[bytes], bytes | None] = lambda block: block.upper() or None,
    dropped: Callable[[], None] = lambda: None,
    answer_group: AnswerGroup | None = None,
) -> Iterator[int]:
    """Run a server in a thread of its own; it answers in capitals, and nothing to nothing."""
    loop = asyncio.new_event_loop()
    group = answer_group or (lambda blocks: [answer(block) for block in blocks])
    server = MllpServer(group, limits, lambda start: b"LONG " + start[:2], dropped)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    port = asyncio.run_coroutine_threadsafe(server.listen("127.0.0.1", 0, tls), loop).result(10)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_block_when_it_comes_byte_by_byte_then_is_answered_once() -> None:
    with serving() as port, Sender(port) as sender:
        for byte in b"\x0babc\x1c\r":
            sender.send_raw(bytes([byte]))
        assert sender.answer() == b"ABC"


def test_blocks_when_rubbish_stands_around_them_then_each_is_answered_and_the_rubbish_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counted: list[None] = []
    with serving(dropped=lambda: counted.append(None)) as port, Sender(port) as sender:
        sender.send_raw(b"\r\n\x0ba\x1c\r\nrubbish\x0bb\x1c\r\x0bc\x1c\r")
        assert [sender.answer() for _ in range(3)] == [b"A", b"B", b"C"]
        assert (len(counted), "outside of any block dropped bytes=7" in caplog.text) == (1, True)


def test_block_when_begun_anew_then_the_first_beginning_is_dropped_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counted: list[None] = []
    with serving(dropped=lambda: counted.append(None)) as port, Sender(port) as sender:
        sender.send_raw(b"\x0bhalf of a mess\x0bwhole\x1c\r")
        assert sender.answer() == b"WHOLE"
    assert (len(counted), "begun anew" in caplog.text) == (1, True)


def test_blocks_when_a_sender_does_not_wait_then_they_are_answered_together_and_in_order() -> None:
    groups: list[int] = []

    def answer(blocks: Sequence[bytes]) -> list[bytes | None]:
        groups.append(len(blocks))
        return [block.upper() for block in blocks]

    with serving(answer_group=answer) as port, Sender(port) as sender:
        sender.send_raw(b"".join(b"\x0bm%d\x1c\r" % number for number in range(100)))
        assert [sender.answer() for _ in range(100)] == [b"M%d" % number for number in range(100)]
    assert len(groups) < 100


def test_block_when_there_is_no_answer_then_the_next_one_gets_its_own() -> None:
    with serving() as port, Sender(port) as sender:
        sender.send_raw(b"\x0b\x1c\r\x0bnext\x1c\r")
        assert sender.answer() == b"NEXT"


@pytest.mark.parametrize("end", [b"", b"\x1c\r"])
def test_block_when_too_long_then_it_is_refused_and_the_connection_closed(
    end: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with serving() as port:
        with Sender(port) as sender:
            sender.send_raw(b"\x0bxy" + b"x" * 300_000 + end)
            assert sender.answer() == b"LONG xy"
            assert sender.is_closed()
        with Sender(port) as sender:
            assert sender.ask(b"on") == b"ON"
    assert "too long" in caplog.text


def test_connection_when_silent_or_stuck_then_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Limits(2000, 3, idle_s=0.2, message_s=0.2)) as port:
        with Sender(port) as silent:
            assert silent.is_closed()
        with Sender(port) as stuck:
            stuck.send_raw(b"\x0bhalf")
            assert stuck.is_closed()
    assert "did not end in time" in caplog.text


def test_connections_when_too_many_then_the_last_is_turned_away_and_a_place_is_given_back() -> None:
    with serving() as port:
        senders = [Sender(port) for _ in range(3)]
        assert {sender.ask(b"a") for sender in senders} == {b"A"}
        with Sender(port) as fourth:
            assert fourth.is_closed()
        senders[0].close()
        assert senders[1].ask(b"b") == b"B"
        for _ in range(50):
            try:
                with Sender(port) as again:
                    assert again.ask(b"c") == b"C"
                break
            except ConnectionError:
                continue  # The place of the first is given back a moment after it has closed.
        else:
            raise AssertionError
        for sender in senders[1:]:
            sender.close()


def test_connection_when_it_ends_within_a_block_then_the_block_is_dropped() -> None:
    seen: list[bytes] = []

    def note(block: bytes) -> bytes:
        seen.append(block)
        return b"ok"

    with serving(answer=note) as port:
        with Sender(port) as cut:
            cut.send_raw(b"\x0bOBX|1|NM|1920-8^AST^LN||4")
        with Sender(port) as sender:
            assert sender.ask(b"whole") == b"ok"
    assert seen == [b"whole"]


def test_tls_when_certificates_are_asked_for_then_only_a_sender_with_one_is_served(tmp_path: Path) -> None:
    authority = new_authority(tmp_path / "ca")
    server, client = authority.issue("localhost"), authority.issue("laboratory")
    labs = LabsSection(
        tls_port=1,
        tls_certificate=str(server.certificate),
        tls_key=str(server.key),
        tls_client_ca=str(authority.certificate),
    )
    known = client_context(authority.certificate)
    known.load_cert_chain(client.certificate, client.key)
    with serving(tls=server_context(labs)) as port:
        with Sender(port, known) as sender:
            assert sender.ask(b"secret") == b"SECRET"
        unknown = client_context(authority.certificate)
        with pytest.raises((ssl.SSLError, ConnectionError)), Sender(port, unknown) as stranger:
            stranger.ask(b"secret")
        with Sender(port) as plain, pytest.raises(ConnectionError):
            plain.ask(b"secret")


def client_context(authority: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority))
    context.check_hostname = False  # The sender asks for a name, and the certificate is of an address.
    return context


def test_tls_when_the_files_do_not_fit_then_names_each_key_and_what_is_wrong(tmp_path: Path) -> None:
    authority = new_authority(tmp_path / "ca")
    server, old = authority.issue("localhost"), authority.issue("old", first="200101", last="210101")
    locked, absent = with_password(server.key, tmp_path / "locked.key"), tmp_path / "absent.pem"
    for certificate, key, client_ca, sentence in (
        (absent, server.key, "", "labs.tls_certificate: .* cannot be read"),
        (server.certificate, old.key, "", "labs.tls_key: .* is not the key of"),
        (server.certificate, locked, "", "labs.tls_key: .* is protected by a password"),
        (old.certificate, old.key, "", "labs.tls_certificate: .* has expired"),
        (server.certificate, server.key, absent, "labs.tls_client_ca: .* cannot be read"),
    ):
        labs = LabsSection(
            tls_port=1, tls_certificate=str(certificate), tls_key=str(key), tls_client_ca=str(client_ca)
        )
        with pytest.raises(ConfigError, match=sentence):
            server_context(labs)


def test_tls_when_the_sender_knows_only_old_ciphers_then_refuses_it(tmp_path: Path) -> None:
    authority = new_authority(tmp_path / "ca")
    server = authority.issue("localhost")
    labs = LabsSection(tls_port=1, tls_certificate=str(server.certificate), tls_key=str(server.key))
    old = client_context(authority.certificate)
    old.set_ciphers("AES256-GCM-SHA384:@SECLEVEL=0")  # RFC 9325 4.1: no forward secrecy.
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(tls=server_context(labs)) as port, pytest.raises((ssl.SSLError, ConnectionError)):
        Sender(port, old)


def test_server_when_it_stops_beside_an_open_connection_then_says_so_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving() as port:
        sender = Sender(port)
        assert sender.ask(b"abc") == b"ABC"
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert sender.is_closed()
    sender.close()
