"""TLS 1.2 and 1.3 with certificates on both sides (PS3.15 B.12: BCP 195, RFC 8996 and 9325)."""

import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificate

from config.errors import ConfigError

CIPHERS_OF_TLS_1_2 = "ECDHE+AESGCM"
"""RFC 9325 4.2: forward secrecy and authenticated encryption; the suites of TLS 1.3 are all of this kind."""

_BECAUSE = {
    9: "is not valid yet; check the clock of this machine",
    10: "has expired",
    26: "is not meant for this end of a TLS connection; its extended key usage forbids it",
}
"""OpenSSL's X509_V_ERR_*; what else is wrong is said in OpenSSL's own words."""
_ROUNDS = 10
"""Turns of a handshake in memory; TLS 1.3 needs three."""


@dataclass(frozen=True)
class TlsFiles:
    """What an application entity needs for TLS; PEM files.

    Parameters
    ----------
    certificate
        Its own, followed by the chain up to the authority where there is one between.
    key
        The private key, without a password.
    authority
        Whose signature makes a peer's certificate good.
    """

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True)
class ClientTls:
    """How a peer is reached over TLS.

    Parameters
    ----------
    verify_host
        Whether its certificate must bear the host name or address that it is reached by (RFC 9325 6.1).
    """

    files: TlsFiles
    verify_host: bool = True


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a TLS port that takes no peer without a certificate of the authority.

    Raises
    ------
    ConfigError
        One sentence for each thing that is wrong with the files.
    """
    _demand_sound(files, as_client=False)
    return _context(files, ssl.PROTOCOL_TLS_SERVER)


def client_context(client: ClientTls) -> ssl.SSLContext:
    """Return the context of associations that this node opens.

    Raises
    ------
    ConfigError
        One sentence for each thing that is wrong with the files.
    """
    _demand_sound(client.files, as_client=True)
    context = _context(client.files, ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = client.verify_host
    return context


def tls_problems(files: TlsFiles, *, as_client: bool = False) -> list[str]:
    """Return what is wrong with certificate, key and authority, a sentence each; empty where all fit.

    Parameters
    ----------
    as_client
        Whether the certificate must do for associations that this node opens too.
    """
    problems = [
        f"tls.{name}: {problem}"
        for name, path in (("certificate", files.certificate), ("key", files.key), ("authority", files.authority))
        if (problem := _unreadable(path))
    ]
    if problems:
        return problems
    return [
        problem
        for problem in (_pair_problem(files, as_client=as_client), _authority_problem(files.authority))
        if problem
    ]


def _demand_sound(files: TlsFiles, *, as_client: bool) -> None:
    problems = tls_problems(files, as_client=as_client)
    if problems:
        raise ConfigError(problems)


def certificate_ends(certificate: Path) -> datetime:
    """Return when the first certificate of a PEM file expires, UTC; also where it has.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    try:
        return load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except OSError as error:
        raise ConfigError([f"{certificate} cannot be read: {(error.strerror or str(error)).lower()}"]) from error
    except ValueError as error:
        raise ConfigError([f"{certificate} holds no certificate"]) from error


def _context(files: TlsFiles, protocol: "ssl._SSLMethod") -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996; OpenSSL prefers 1.3 by itself, as B.12 asks.
    context.set_ciphers(CIPHERS_OF_TLS_1_2)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(files.certificate, files.key, password=_no_password)
    context.load_verify_locations(files.authority)
    return context


def _no_password() -> str:
    # Without this OpenSSL asks the terminal, and a service would wait there for ever.
    raise PermissionError


def _unreadable(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
    return "" if b"-----BEGIN " in content else f"{path} is not a PEM file"


def _pair_problem(files: TlsFiles, *, as_client: bool) -> str:
    """Return why certificate and key cannot be used; empty where they can."""
    # Trusting its own certificate, whoever signed it, leaves only what is wrong with the certificate itself.
    own = TlsFiles(files.certificate, files.key, files.certificate)
    try:
        server, client = _context(own, ssl.PROTOCOL_TLS_SERVER), _context(own, ssl.PROTOCOL_TLS_CLIENT)
    except PermissionError:
        return f"tls.key: {files.key} is protected by a password; the node needs a key without one"
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"tls.key: {files.key} is not the key of {files.certificate}"
        return f"tls.certificate: {files.certificate} and {files.key} hold no certificate and key of it"
    for context in (server, client):
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not as_client:
        server.verify_mode = ssl.CERT_NONE
    verdict = _verdict(server, client)
    return f"tls.certificate: {files.certificate} {verdict}" if verdict else ""


def _verdict(server: ssl.SSLContext, client: ssl.SSLContext) -> str:
    """Shake hands in memory and return what one side says about the certificate of the other."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True))
    for _ in range(_ROUNDS):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return _BECAUSE.get(error.verify_code, f"is not accepted: {error.verify_message}")
            except ssl.SSLError as error:
                return f"cannot be used: {(error.reason or str(error)).lower().replace('_', ' ')}"
    return ""


def _authority_problem(path: Path) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        return f"tls.authority: {path} holds no certificate"
    ends = [ssl.cert_time_to_seconds(str(found["notAfter"])) for found in context.get_ca_certs()]
    if ends and max(ends) < time.time():
        return f"tls.authority: every certificate in {path} has expired"
    return ""
