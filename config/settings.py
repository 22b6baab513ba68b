"""The operator's settings: every section of node.toml, and what must hold between them."""

from pydantic import model_validator

from config.sections.base import Section
from config.sections.compute import ComputeSection, ModelSection
from config.sections.labs import LabsSection
from config.sections.node import LedgerSection, NodeSection, TlsSection
from config.sections.notify import NotifySection
from config.sections.peers import Peer
from config.sections.studies import CompletionSection, MatchingSection, RetentionSection
from config.sections.watch import AuditSection, WatchSection


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
