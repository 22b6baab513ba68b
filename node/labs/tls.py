"""TLS of the HL7 listener: as that of the DICOM port, with the keys of its own section."""

import ssl
from pathlib import Path

from config.errors import ConfigError
from config.sections.labs import LabsSection
from dicom_io.network import tls
from dicom_io.network.tls import TlsFiles, tls_problems

_KEYS = {
    "tls.certificate:": "labs.tls_certificate:",
    "tls.key:": "labs.tls_key:",
    "tls.authority:": "labs.tls_client_ca:",
}


def server_context(labs: LabsSection) -> ssl.SSLContext:
    """Return the TLS of the listener; a sender needs a certificate where `tls_client_ca` says who signs it.

    Raises
    ------
    ConfigError
        One sentence for each thing that is wrong with the files.
    """
    certificate = Path(labs.tls_certificate)
    authority = Path(labs.tls_client_ca) if labs.tls_client_ca else certificate
    files = TlsFiles(certificate, Path(labs.tls_key), authority)
    problems = tls_problems(files)
    if problems:
        raise ConfigError([_with_own_key(problem) for problem in problems])
    context = tls.server_context(files)
    if not labs.tls_client_ca:
        context.verify_mode = ssl.CERT_NONE
    return context


def _with_own_key(problem: str) -> str:
    key, _, rest = problem.partition(" ")
    return f"{_KEYS.get(key, key)} {rest}"
