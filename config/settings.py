"""The operator's settings: one frozen model a section, every field with its unit."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _ae_title(value: str) -> str:
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", value) or not value.strip():
        raise ValueError("an AE title has 1 to 16 characters, ASCII and no backslash")
    return value


def _printable(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("must be printable, on one line, without spaces around it")
    return value


def _host(value: str) -> str:
    if not re.fullmatch(r"[\w.:%-]+", value):
        raise ValueError("must be a host name or an address: letters, digits, dots, hyphens, colons")
    return value


AETitle = Annotated[str, AfterValidator(_ae_title)]
"""1 to 16 characters of the default repertoire without backslash, not all spaces (PS3.5 6.2, VR AE)."""

Port = Annotated[int, Field(ge=0, le=65535)]

_SWITCHES = {"true": True, "1": True, "false": False, "0": False}

PlainDicom = Annotated[
    Literal["auto", True, False],
    # The environment holds words only.
    BeforeValidator(lambda value: _SWITCHES.get(value.lower(), value) if isinstance(value, str) else value),
]
"""Whether DICOM without TLS is taken; `auto`: only where there is no TLS."""


class Section(BaseModel):
    """Base of every section: immutable, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class NodeSection(Section):
    """The DICOM receiver."""

    ae_title: AETitle = "MVINODE"
    """Called AE title of the node."""
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Interface to listen on: this machine alone, until somebody opens it to the network."""
    port: Port = 11112
    """TCP port; 0 takes a free one and the ready line says which."""
    storage: Path = Path("./mvi-node-data")
    """Folder of inbox, results and the embedded ledger."""
    maximum_associations: Annotated[int, Field(ge=1, le=500)] = 25
    """Associations served at once; one more is rejected."""
    minimum_free_bytes: Annotated[int, Field(ge=0)] = 1_000_000_000
    """Below this free space C-STORE is answered 0xA700, bytes."""
    network_timeout_s: Annotated[float, Field(gt=0)] = 120.0
    """Silence after which an association is aborted, s."""


class TlsSection(Section):
    """TLS with certificates on both sides (PS3.15 B.12)."""

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

    @model_validator(mode="after")
    def _tls_needs_all_three(self) -> "TlsSection":
        files = {"certificate": self.certificate, "key": self.key, "authority": self.authority}
        absent = [name for name, path in files.items() if not path]
        if absent and len(absent) < len(files):
            raise ValueError(f"TLS needs certificate, key and authority; absent: {', '.join(absent)}")
        if absent and self.plain is False:
            raise ValueError("plain = false leaves TLS only, which needs certificate, key and authority")
        return self


class LedgerSection(Section):
    """The index of the inbox."""

    url: str = ""
    """SQLAlchemy URL; empty: SQLite inside `node.storage`."""


class CompletionSection(Section):
    """When a study is analysed."""

    settle_s: Annotated[float, Field(ge=0)] = 60.0
    """Quiet time once all six roles are filled, s."""
    deadline_s: Annotated[float, Field(gt=0)] = 5400.0
    """After the last instance a study with empty roles ends as refused, s."""
    check_every_s: Annotated[float, Field(gt=0)] = 5.0
    """Interval of the check, s."""


class MatchingSection(Section):
    """Which series fill which role."""

    rules: str = ""
    """A site's own series rules, laid over the built-in ones; empty: these alone."""


class RetentionSection(Section):
    """What is deleted when; never what a peer has still to get."""

    images_days: Annotated[float, Field(ge=0)] = 30.0
    """Images are deleted so long after every peer has confirmed their result; 0: never by age, d."""
    results_days: Annotated[float, Field(ge=0)] = 365.0
    """Results are deleted so long after they were written, and after their images; 0: never, d."""
    unconfirmed: bool = False
    """Whether results count as delivered that a peer stored and can confirm nothing about."""
    low_disk_bytes: Annotated[int, Field(ge=0)] = 5_000_000_000
    """Below this free space people are told, and what may be deleted goes early, bytes."""
    early: bool = True
    """Whether images whose result is confirmed are deleted before their time where space is short."""
    check_every_s: Annotated[float, Field(gt=0)] = 60.0
    """Interval of the check, s."""


Device = Literal["cpu", "cuda"]
"""Where a network is computed."""


class ComputeSection(Section):
    """Where the pipeline runs."""

    engine: Literal["local", "dask"] = "local"
    """A process pool on this machine, or a Dask cluster."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Studies analysed at once by the local engine."""
    scheduler: str = ""
    """Address of the Dask scheduler, tcp://host:port."""
    device: Device = "cpu"
    """Where liver and tumour are segmented: on the processors, or on an NVIDIA GPU. Where that is absent, busy or
    full, a study is segmented on the processors, with a warning SEG-DEVICE in the log."""
    timeout_s: Annotated[float, Field(gt=0)] = 1800.0
    """An analysis that takes longer hangs: it is ended and tried again, s."""
    memory_bytes: Annotated[int, Field(ge=0)] = 8_000_000_000
    """A worker process of this machine that takes more is ended, and its study tried again; 0: no limit. A study
    of full size takes 2.6 GB; the workers of a cluster are limited by the cluster."""

    @model_validator(mode="after")
    def _dask_needs_a_scheduler(self) -> "ComputeSection":
        if self.engine == "dask" and not self.scheduler:
            raise ValueError('engine = "dask" needs scheduler = "tcp://host:8786"')
        return self


class ModelSection(Section):
    """Which model bundle is used."""

    active: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "phantom-demo"
    """Name of the bundle."""
    folder: Path | None = None
    """Folder of installed bundles; empty: `node.storage`/models, then the bundled ones."""
    require_signature: bool = False
    """Whether a bundle is used only where a key of `trusted_keys` signed it; the bundled ones come with the
    software and need no signature."""
    trusted_keys: tuple[Path, ...] = ()
    """Ed25519 public keys of those who may sign bundles, PEM files."""

    @model_validator(mode="after")
    def _a_signature_needs_a_key(self) -> "ModelSection":
        if self.require_signature and not self.trusted_keys:
            raise ValueError("require_signature needs trusted_keys, the public keys of those who may sign")
        return self


class LabsSection(Section):
    """Laboratory values: how they come in, and when they change a result."""

    analytes: str = ""
    """A site's own codes, names and units, added to analytes.toml; empty: none."""
    issuer: str = ""
    """Assigning authority of patient IDs that come without one, in studies, messages and files."""
    labs_wait_h: Annotated[float, Field(ge=0)] = 24.0
    """Values that arrive within this time after a result re-issue it, h."""
    host: str = "127.0.0.1"
    """Interface of the HL7 listener."""
    port: Port = 0
    """TCP port for HL7 v2 over MLLP without encryption; 0: off."""
    tls_port: Port = 0
    """TCP port for HL7 v2 over MLLP and TLS; 0: off."""
    tls_certificate: str = ""
    """Certificate chain of the listener, PEM."""
    tls_key: str = ""
    """Its private key, PEM."""
    tls_client_ca: str = ""
    """Certificates that sign those of the senders, PEM; empty: a sender needs no certificate."""
    maximum_message_bytes: Annotated[int, Field(ge=1024)] = 1_000_000
    """A longer message is refused and its connection closed, bytes."""
    maximum_connections: Annotated[int, Field(ge=1, le=1000)] = 20
    """Senders at once; one more is turned away."""
    idle_timeout_s: Annotated[float, Field(gt=0)] = 600.0
    """Silence between two messages after which a connection is closed, s."""
    message_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    """Longest time from the first byte of a message to its last, s."""
    fhir_url: str = ""
    """Base address of a FHIR R4 server that is asked for Observations; empty: none."""
    fhir_identifier_system: str = ""
    """System of the patient identifiers at that server; empty: a value counts where one patient alone has it."""
    fhir_token_file: str = ""
    """File with the bearer token for that server; empty: none is sent."""
    fhir_ca: str = ""
    """Certificates that sign that of the server, PEM; empty: those of the system."""
    fhir_timeout_s: Annotated[float, Field(gt=0)] = 15.0
    """Longest time of one request, s."""
    fhir_every_s: Annotated[float, Field(gt=0)] = 900.0
    """Interval at which the server is asked again while `labs_wait_h` lasts, s."""
    fhir_corrections_days: Annotated[float, Field(ge=0)] = 30.0
    """So long after a result it is asked every six hours whether used values still hold; 0: never, days."""

    @model_validator(mode="after")
    def _tls_needs_a_certificate(self) -> "LabsSection":
        if self.tls_port and not (self.tls_certificate and self.tls_key):
            raise ValueError("tls_port needs tls_certificate and tls_key")
        if self.fhir_url and not self.fhir_url.startswith(("http://", "https://")):
            raise ValueError("fhir_url must begin with https:// or http://")
        return self


class Peer(Section):
    """One remote application entity."""

    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
    """The operator's name for it."""
    ae_title: AETitle
    """AE title of the peer."""
    host: Annotated[str, AfterValidator(_host)]
    """Host name or address."""
    port: Port = 104
    """TCP port of its storage SCP."""
    may_send: bool = False
    """Whether its associations are accepted."""
    maximum_associations: Annotated[int, Field(ge=1, le=500)] = 20
    """Associations of its own that are served at once; one more is rejected, and the rest is left to others."""
    receives_results: bool = False
    """Whether SEG, SR and summary are sent to it."""
    return_to_sender: bool = False
    """Whether the results of the studies that it sent go to it too."""
    outputs: Annotated[tuple[Literal["seg", "sr", "summary"], ...], Field(min_length=1)] = ("seg", "sr", "summary")
    """Which result objects are sent to it; `mvi-node peers probe` says what it takes."""
    objects_per_minute: Annotated[int, Field(ge=1, le=6000)] = 60
    """Result objects sent to it, at most; a PACS that was away is not flooded when it returns."""
    storage_commitment: bool = True
    """Whether it is asked for storage commitment; where it offers none, a query confirms."""
    confirm_by_query: bool = True
    """Whether a query (C-FIND, QIDO-RS) may confirm where storage commitment does not."""
    tls: bool = False
    """Whether it is reached over TLS; needs `tls.certificate`."""
    tls_verify_host: bool = True
    """Whether its certificate must bear its host name or address."""
    dicomweb_url: Annotated[str, Field(pattern=r"^(https?://[^\s]+[^/\s])?$")] = ""
    """Root of its DICOMweb service; where it is set, results go by STOW-RS and not by C-STORE."""
    dicomweb_authorization_file: str = ""
    """File whose one line is sent as the Authorization header, for example ``Bearer ...``."""

    @model_validator(mode="after")
    def _a_receiver_needs_a_port(self) -> "Peer":
        if self.receives and self.port == 0 and not self.dicomweb_url:
            raise ValueError(f"peer {self.name} receives results and needs the port of its storage SCP")
        return self

    @property
    def receives(self) -> bool:
        """Whether any result is ever sent to it."""
        return self.receives_results or self.return_to_sender


class AuditSection(Section):
    """The audit trail, and the hospital's audit repository (PS3.15 A.5 and A.6)."""

    syslog_host: str = ""
    """Host of the audit repository; empty: the trail is kept here only."""
    syslog_port: Port = 6514
    """Its port for syslog over TLS."""
    authority: str = ""
    """PEM file of the CA that its certificate is signed by; empty: `tls.authority`."""


class NotifySection(Section):
    """Messages to people, by e-mail and webhook, once an event and without patient data."""

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
    webhook_url: Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$")] = ""
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

    @model_validator(mode="after")
    def _mail_needs_addresses(self) -> "NotifySection":
        if self.smtp_host and not (self.mail_from and self.recipients):
            raise ValueError("smtp_host needs mail_from and mail_to")
        if self.smtp_user and self.smtp_security == "none":
            raise ValueError(
                'smtp_user needs smtp_security = "starttls" or "tls": a password does not go in plain'
            )
        if self.smtp_user and not self.smtp_password_file:
            raise ValueError("smtp_user needs smtp_password_file")
        return self


class WatchSection(Section):
    """Metrics and health over HTTP, for monitoring; it only answers."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Interface to listen on: what is told is nobody's secret but concerns nobody outside."""
    port: Port = 0
    """TCP port of /metrics, /healthz and /readyz; 0: off."""


class Settings(Section):
    """Everything an operator may set."""

    node: NodeSection = NodeSection()
    """The DICOM receiver."""
    tls: TlsSection = TlsSection()
    """TLS with certificates on both sides (PS3.15 B.12)."""
    ledger: LedgerSection = LedgerSection()
    """The index of the inbox."""
    completion: CompletionSection = CompletionSection()
    """When a study is analysed."""
    matching: MatchingSection = MatchingSection()
    """Which series fill which role."""
    retention: RetentionSection = RetentionSection()
    """What is deleted when."""
    compute: ComputeSection = ComputeSection()
    """Where the pipeline runs."""
    model: ModelSection = ModelSection()
    """Which model bundle is used."""
    audit: AuditSection = AuditSection()
    """The audit trail."""
    notify: NotifySection = NotifySection()
    """Messages to people."""
    watch: WatchSection = WatchSection()
    """Metrics and health over HTTP."""
    labs: LabsSection = LabsSection()
    """Laboratory values."""
    peers: tuple[Peer, ...] = ()
    """Remote application entities."""

    @model_validator(mode="after")
    def _peer_names_are_unique(self) -> "Settings":
        names = [peer.name for peer in self.peers]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ValueError(f"peers with the same name: {', '.join(double)}")
        return self

    @model_validator(mode="after")
    def _images_outlast_what_changes_their_result(self) -> "Settings":
        kept_h = self.retention.images_days * 24
        if kept_h and kept_h < self.labs.labs_wait_h:
            raise ValueError("retention.images_days is shorter than labs.labs_wait_h, which needs the images")
        if kept_h and kept_h * 3600 < self.completion.deadline_s:
            raise ValueError("retention.images_days is shorter than completion.deadline_s, when images still come")
        return self

    @model_validator(mode="after")
    def _a_repository_needs_an_authority(self) -> "Settings":
        if self.audit.syslog_host and not (self.audit.authority or self.tls.authority):
            raise ValueError(
                "audit.syslog_host needs audit.authority, or tls.authority, to know the repository by"
            )
        return self

    @model_validator(mode="after")
    def _tls_peers_need_a_certificate(self) -> "Settings":
        wanting = [peer.name for peer in self.peers if peer.tls and not self.tls.enabled]
        if wanting:
            raise ValueError(f"peers over TLS need [tls] certificate, key and authority: {', '.join(wanting)}")
        return self
