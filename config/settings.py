"""The operator's settings: every section of node.toml, and what must hold between them."""

from contextlib import suppress

from config.errors import WrongKeyError
from config.sections.base import Section
from config.sections.compute import ComputeSection, ModelSection
from config.sections.labs import LabsSection
from config.sections.node import LedgerSection, NodeSection, TlsSection
from config.sections.notify import NotifySection
from config.sections.peers import Peer
from config.sections.studies import CompletionSection, MatchingSection, RetentionSection
from config.sections.watch import AuditSection, WatchSection


def _double_names(settings: "Settings") -> str:
    names = [peer.name for peer in settings.peers]
    double = sorted({name for name in names if names.count(name) > 1})
    return f"peers with the same name: {', '.join(double)}" if double else ""


def _images_go_before_values_come(settings: "Settings") -> str:
    kept_h = settings.retention.images_days * 24
    short = kept_h and kept_h < settings.labs.labs_wait_h
    return "retention.images_days is shorter than labs.labs_wait_h, which needs the images" if short else ""


def _images_go_before_all_came(settings: "Settings") -> str:
    kept_s = settings.retention.images_days * 24 * 3600
    short = kept_s and kept_s < settings.completion.deadline_s
    return "retention.images_days is shorter than completion.deadline_s, when images still come" if short else ""


def _repository_without_authority(settings: "Settings") -> str:
    if not settings.audit.syslog_host or settings.audit.authority or settings.tls.authority:
        return ""
    return "audit.syslog_host needs audit.authority, or tls.authority, to know the repository by"


def _tls_peers_without_certificate(settings: "Settings") -> str:
    wanting = []
    for peer in settings.peers if not settings.tls.enabled else ():
        with suppress(WrongKeyError):  # That of one peer hides nothing of the others.
            wanting += [peer.name] if peer.tls else []
    return f"peers over TLS need [tls] certificate, key and authority: {', '.join(wanting)}" if wanting else ""


class Settings(Section):
    """Everything an operator may set."""

    key_rules = (
        _double_names,
        _images_go_before_values_come,
        _images_go_before_all_came,
        _repository_without_authority,
        _tls_peers_without_certificate,
    )

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
