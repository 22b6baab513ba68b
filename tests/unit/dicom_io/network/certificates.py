"""Certificates for the tests of TLS, made by OpenSSL's own tool."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from dicom_io.network.tls import TlsFiles

OPENSSL = "openssl"
_CONFIGURATION = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = unused
[leaf]
subjectAltName = IP:127.0.0.1
[server_only]
extendedKeyUsage = serverAuth
"""


@dataclass(frozen=True)
class Authority:
    """A certification authority in a folder of its own."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, name: str, *, first: str = "", last: str = "", extensions: str = "leaf") -> TlsFiles:
        """Issue a certificate; `first` and `last` are days as YYMMDD, today and a year on by default."""
        key, request, certificate = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        _openssl("req", *_new_key(key), "-out", str(request), "-subj", f"/CN={name}", *self._configured())
        days = ["-startdate", f"{first}000000Z", "-enddate", f"{last}000000Z"] if first else ["-days", "365"]
        _openssl(
            "ca", "-batch", "-notext", *self._configured(), "-cert", str(self.certificate),
            "-keyfile", str(self.folder / "ca.key"), "-in", str(request), "-out", str(certificate),
            "-extensions", extensions, *days,
        )  # fmt: skip
        return TlsFiles(certificate, key, self.certificate)

    def _configured(self) -> list[str]:
        return ["-config", str(self.folder / "openssl.cnf")]


def new_authority(folder: Path) -> Authority:
    folder.mkdir(parents=True)
    (folder / "openssl.cnf").write_text(_CONFIGURATION.format(folder=folder), encoding="utf-8")
    (folder / "index.txt").touch()
    _openssl(
        "req",
        "-x509",
        *_new_key(folder / "ca.key"),
        "-out",
        str(folder / "ca.pem"),
        "-days",
        "365",
        "-subj",
        "/CN=ca",
    )
    return Authority(folder)


def with_password(key: Path, protected: Path) -> Path:
    """Write a copy of a private key that needs a password."""
    _openssl("pkcs8", "-topk8", "-in", str(key), "-out", str(protected), "-passout", "pass:secret")
    return protected


def _new_key(path: Path) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path)]


def _openssl(*arguments: str) -> None:
    subprocess.run([OPENSSL, *arguments], check=True, capture_output=True)
