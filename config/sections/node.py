"""Where the node listens and keeps what it receives."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from config.sections.base import AETitle, HostName, Port, Section, folder_name

_DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")


def ledger_url_of(value: str) -> str:
    """Return the URL of a database that the ledger can be kept in, or an empty text."""
    if value and not value.startswith(_DATABASES):
        raise ValueError(f"must be empty, or begin with {', '.join(_DATABASES)}")
    return value


_SWITCHES = {"true": True, "1": True, "false": False, "0": False}


PlainDicom = Annotated[
    Literal["auto", True, False],
    # The environment holds words only.
    BeforeValidator(lambda value: _SWITCHES.get(value.lower(), value) if isinstance(value, str) else value),
]
"""Whether DICOM without TLS is taken; `auto`: only where there is no TLS."""


class NodeSection(Section):
    """The DICOM receiver."""

    ae_title: AETitle = "MVINODE"
    """Called AE title of the node."""
    host: HostName = "127.0.0.1"
    """Interface to listen on: this machine alone, until somebody opens it to the network."""
    port: Port = 11112
    """TCP port; 0 takes a free one and the ready line says which."""
    storage: Annotated[Path, BeforeValidator(folder_name)] = Path("./mvi-node-data")
    """Folder of inbox, results and the embedded ledger."""
    maximum_associations: Annotated[int, Field(ge=1, le=500)] = 25
    """Associations served at once; one more is rejected."""
    minimum_free_bytes: Annotated[int, Field(ge=0)] = 1_000_000_000
    """Below this free space C-STORE is answered 0xA700, bytes."""
    network_timeout_s: Annotated[float, Field(gt=0)] = 120.0
    """Silence after which an association is aborted, s."""


def _tls_in_part(section: "TlsSection") -> str:
    absent = _absent_files(section)
    in_part = 0 < len(absent) < len(_TLS_FILES)
    return f"TLS needs certificate, key and authority; absent: {', '.join(absent)}" if in_part else ""


def _nothing_open(section: "TlsSection") -> str:
    closed = section.plain is False and len(_absent_files(section)) == len(_TLS_FILES)
    return "plain = false leaves TLS only, which needs certificate, key and authority" if closed else ""


_TLS_FILES = ("certificate", "key", "authority")


def _absent_files(section: "TlsSection") -> list[str]:
    return [name for name in _TLS_FILES if not getattr(section, name)]


class TlsSection(Section):
    """TLS with certificates on both sides (PS3.15 B.12)."""

    key_rules = (_tls_in_part, _nothing_open)

    certificate: str = ""
    """PEM file of the node's certificate, with its chain; empty: no TLS."""
    key: str = ""
    """PEM file of its private key, without a password."""
    authority: str = ""
    """PEM file of the certificates that peers must present, or that theirs must be signed by."""
    port: Port = 2762
    """TCP port for TLS; 0 takes a free one and the ready line says which."""
    plain: PlainDicom = "auto"
    """Whether `node.port` is open; `auto`: only without TLS. False: never, so that TLS must be set up."""

    @property
    def enabled(self) -> bool:
        """Whether the node speaks TLS."""
        return bool(self.certificate)

    @property
    def opens_plain(self) -> bool:
        """Whether the port for DICOM without TLS is open."""
        return self.plain is True or (self.plain == "auto" and not self.enabled)


class LedgerSection(Section):
    """The index of the inbox."""

    url: Annotated[str, AfterValidator(ledger_url_of)] = ""
    """SQLAlchemy URL; empty: SQLite inside `node.storage`."""
