import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from config.errors import ConfigError
from dicom_io.network.limits import TransportLimits
from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.storage_scp import ScpSettings, StorageScp
from dicom_io.network.storage_scu import echo
from dicom_io.network.tls import ClientTls, TlsFiles, client_context, server_context, tls_problems
from tests.unit.dicom_io.network.certificates import Authority, new_authority, with_password
from tests.unit.dicom_io.network.instances import write_instances
from tests.unit.dicom_io.network.receiver import AE_TITLE, POLICY, Receiver, wait_until

pytestmark = pytest.mark.peer("openssl")

HANDSHAKE_S = 1.0
LIMITS = TransportLimits(acse_timeout_s=2, network_timeout_s=2, tls_handshake_timeout_s=HANDSHAKE_S)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def node(authority: Authority) -> TlsFiles:
    return authority.issue("node")


@pytest.fixture(scope="module")
def scanner(authority: Authority) -> TlsFiles:
    return authority.issue("scanner")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> TlsFiles:
    """A certificate of another authority, whose owner trusts ours."""
    foreign = new_authority(tmp_path_factory.mktemp("tls") / "foreign").issue("stranger")
    return replace(foreign, authority=authority.certificate)


@contextmanager
def receiving_over_tls(files: TlsFiles, *, plain: bool = False) -> Iterator[Receiver]:
    receiver = Receiver()
    context = server_context(files)
    settings = ScpSettings(AE_TITLE, "127.0.0.1", 0 if plain else None, POLICY, 3, LIMITS, context)
    receiver.scp = StorageScp(settings, receiver.take)
    with receiver.scp:
        yield receiver


def over_tls(receiver: Receiver, files: TlsFiles, *, verify_host: bool = True) -> RemoteAE:
    return RemoteAE(AE_TITLE, "127.0.0.1", receiver.scp.tls_port, ClientTls(files, verify_host=verify_host))


def test_echo_when_both_certificates_are_good_then_is_answered(node: TlsFiles, scanner: TlsFiles) -> None:
    with receiving_over_tls(node) as receiver:
        echo(over_tls(receiver, scanner), calling_ae_title="SCANNER")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_handshake_when_the_peer_speaks_1_2_or_1_3_then_is_mutual_and_forward_secret(
    node: TlsFiles, scanner: TlsFiles, version: ssl.TLSVersion
) -> None:
    client = client_context(ClientTls(scanner))
    client.minimum_version = client.maximum_version = version
    with receiving_over_tls(node) as receiver:
        address = ("127.0.0.1", receiver.scp.tls_port)
        with (
            socket.create_connection(address) as plain,
            client.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            assert secure.version() == version.name.replace("v1_", "v1.")
            suite = secure.cipher()
            assert suite is not None
            assert "GCM" in suite[0] or "CHACHA20" in suite[0]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # They are what must be refused.
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_handshake_when_the_peer_speaks_1_0_or_1_1_then_is_refused(
    node: TlsFiles, scanner: TlsFiles, version: ssl.TLSVersion
) -> None:
    client = client_context(ClientTls(scanner))
    client.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL would not even propose them.
    client.minimum_version = client.maximum_version = version
    with receiving_over_tls(node) as receiver:
        address = ("127.0.0.1", receiver.scp.tls_port)
        with socket.create_connection(address) as plain, pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            client.wrap_socket(plain, server_hostname="127.0.0.1")


def test_association_when_the_certificate_is_of_another_authority_then_is_not_opened(
    node: TlsFiles, stranger: TlsFiles
) -> None:
    with receiving_over_tls(node) as receiver, pytest.raises(PeerError):
        echo(over_tls(receiver, stranger), calling_ae_title="SCANNER")


def test_association_when_there_is_no_client_certificate_then_is_not_opened(node: TlsFiles) -> None:
    with receiving_over_tls(node) as receiver:
        bare = ssl.create_default_context(cafile=str(node.authority))
        address = ("127.0.0.1", receiver.scp.tls_port)
        with (
            socket.create_connection(address) as plain,
            pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
            bare.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.recv(1)  # TLS 1.3: the refusal comes after the client has finished.


def test_echo_when_the_certificate_of_the_peer_is_not_trusted_then_says_why(
    node: TlsFiles, scanner: TlsFiles, stranger: TlsFiles
) -> None:
    with receiving_over_tls(node) as receiver:
        suspicious = replace(scanner, authority=stranger.certificate)
        with pytest.raises(PeerError, match="no TLS connection with it: self-signed certificate"):
            echo(over_tls(receiver, suspicious), calling_ae_title="SCANNER")


def test_echo_when_the_certificate_bears_another_host_then_is_refused_unless_told_not_to_look(
    authority: Authority, scanner: TlsFiles
) -> None:
    with receiving_over_tls(authority.issue("elsewhere", extensions="server_only")) as receiver:
        with pytest.raises(PeerError, match="ip address mismatch"):
            echo(over_tls(receiver, scanner), calling_ae_title="SCANNER")
        echo(over_tls(receiver, scanner, verify_host=False), calling_ae_title="SCANNER")


def test_port_when_tls_is_beside_plain_then_both_are_served(node: TlsFiles, scanner: TlsFiles) -> None:
    with receiving_over_tls(node, plain=True) as receiver:
        echo(receiver.peer, calling_ae_title="SCANNER")
        echo(over_tls(receiver, scanner), calling_ae_title="SCANNER")
        assert receiver.scp.port != receiver.scp.tls_port


def test_port_when_tls_is_alone_then_plain_dicom_gets_nowhere(node: TlsFiles) -> None:
    with receiving_over_tls(node) as receiver:
        with pytest.raises(PeerError):
            echo(RemoteAE(AE_TITLE, "127.0.0.1", receiver.scp.tls_port), calling_ae_title="SCANNER", limits=LIMITS)
        with pytest.raises(RuntimeError):
            _ = receiver.scp.port


def test_handshake_when_peers_are_silent_then_others_are_served_and_they_are_cut_off(
    node: TlsFiles, scanner: TlsFiles
) -> None:
    with receiving_over_tls(node) as receiver:
        silent = [socket.create_connection(("127.0.0.1", receiver.scp.tls_port), timeout=10) for _ in range(6)]
        silent[0].sendall(b"\x16\x03\x01\x02\x00")  # Half the header of a handshake record.
        started = time.monotonic()
        echo(over_tls(receiver, scanner), calling_ae_title="SCANNER")
        assert time.monotonic() - started < 1
        for connection in silent:
            assert connection.recv(1) == b""  # Closed by the receiver.
            connection.close()
        assert time.monotonic() - started < HANDSHAKE_S + 1


@pytest.mark.peer("dcmtk")
def test_store_when_dcmtk_sends_over_tls_then_the_bytes_arrive(
    node: TlsFiles, scanner: TlsFiles, tmp_path: Path
) -> None:
    (path,) = write_instances(tmp_path, 1, rows=320)  # Several TLS records.
    with receiving_over_tls(node) as receiver:
        command = [
            "/usr/bin/storescu", "-aet", "SCANNER", "-aec", AE_TITLE, "+tls", str(scanner.key),
            str(scanner.certificate), "+cf", str(scanner.authority),
            "127.0.0.1", str(receiver.scp.tls_port), str(path),
        ]  # fmt: skip
        sent = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert sent.returncode == 0, sent.stderr
        wait_until(lambda: len(receiver.instances) == 1, "the instance is there")
    assert path.read_bytes().endswith(receiver.instances[0].data_set)


def test_problems_when_all_is_well_then_are_none(node: TlsFiles) -> None:
    assert tls_problems(node, as_client=True) == []


def test_problems_when_files_are_wrong_then_each_has_a_sentence(
    authority: Authority, node: TlsFiles, scanner: TlsFiles, tmp_path: Path
) -> None:
    noise = tmp_path / "noise.pem"
    noise.write_bytes(b"noise")
    expired = authority.issue("expired", first="200101", last="210101")
    future = authority.issue("future", first="480101", last="490101")
    server_only = authority.issue("server-only", extensions="server_only")
    protected = with_password(node.key, tmp_path / "protected.key")

    def sentence(files: TlsFiles) -> str:
        (problem,) = tls_problems(files, as_client=True)
        return problem

    absent = tmp_path / "absent.pem"
    assert "tls.certificate" in sentence(replace(node, certificate=absent))
    assert "no such file" in sentence(replace(node, key=absent))
    assert sentence(replace(node, authority=noise)) == f"tls.authority: {noise} is not a PEM file"
    assert "is not the key of" in sentence(replace(node, key=scanner.key))
    assert sentence(expired) == f"tls.certificate: {expired.certificate} has expired"
    assert "not valid yet" in sentence(future)
    assert "extended key usage" in sentence(server_only)
    assert tls_problems(server_only) == []
    assert "protected by a password" in sentence(replace(node, key=protected))
    assert "hold no certificate" in sentence(replace(node, certificate=node.key))
    assert "holds no certificate" in sentence(replace(node, authority=node.key))


def test_problems_when_several_files_are_absent_then_all_are_named(tmp_path: Path) -> None:
    absent = TlsFiles(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    assert len(tls_problems(absent)) == 3
    with pytest.raises(ConfigError, match=r"tls.certificate.*tls.key.*tls.authority"):
        server_context(absent)
