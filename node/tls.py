"""The TLS settings as the network wants them."""

from pathlib import Path

from config.errors import ConfigError
from config.sections.node import TlsSection
from config.settings import Settings
from dicom_io.network.tls import TlsFiles, tls_problems


def tls_files(section: TlsSection) -> TlsFiles | None:
    """Return certificate, key and authority; None where the node speaks no TLS."""
    if not section.enabled:
        return None
    return TlsFiles(Path(section.certificate), Path(section.key), Path(section.authority))


def demand_usable_certificates(settings: Settings) -> None:
    """Check certificate, key and authority before anything is started.

    Raises
    ------
    ConfigError
        One sentence for each thing that is wrong with them.
    """
    files = tls_files(settings.tls)
    problems = [] if files is None else tls_problems(files, as_client=any(peer.tls for peer in settings.peers))
    if problems:
        raise ConfigError(problems)
