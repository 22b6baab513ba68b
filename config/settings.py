"""The operator's settings: every section of node.toml, and what must hold between them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import combinations
from typing import Final

from config.errors import WrongKeyError
from config.sections.base import Section
from config.sections.compute import ComputeSection, ModelSection
from config.sections.labs import LabsSection
from config.sections.node import LedgerSection, NodeSection, TlsSection
from config.sections.notify import NotifySection
from config.sections.peers import Peer
from config.sections.studies import CompletionSection, MatchingSection, RetentionSection
from config.sections.watch import AuditSection, WatchSection

EVERY_INTERFACE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to tell it, not to bind it


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


def _two_on_one_port(settings: "Settings") -> str:
    said = []
    for (one, host, port), (other, other_host, other_port) in combinations(_listeners(settings), 2):
        if port == other_port and (host == other_host or not {host, other_host}.isdisjoint(EVERY_INTERFACE)):
            said.append(f"{one} and {other} are both {port}")
    return f"{'; '.join(said)}: give each a port of its own" if said else ""


def _listeners(settings: "Settings") -> list[tuple[str, str, int]]:
    """Return key, interface and port of everything that listens on a port that the operator chose."""
    found = []
    for key, place in _LISTENERS.items():
        with suppress(WrongKeyError):  # A wrong one hides nothing of the others.
            host, port = place(settings)
            found += [(key, host, port)] if port else []
    return found


_LISTENERS: Final[Mapping[str, "Callable[[Settings], tuple[str, int]]"]] = {
    "node.port": lambda settings: (settings.node.host, settings.node.port if settings.tls.opens_plain else 0),
    "tls.port": lambda settings: (settings.node.host, settings.tls.port if settings.tls.enabled else 0),
    "watch.port": lambda settings: (settings.watch.host, settings.watch.port),
    "labs.port": lambda settings: (settings.labs.host, settings.labs.port),
    "labs.tls_port": lambda settings: (settings.labs.host, settings.labs.tls_port),
}


class Settings(Section):
    """Everything an operator may set."""

    key_rules = (
        _double_names,
        _images_go_before_values_come,
        _images_go_before_all_came,
        _repository_without_authority,
        _tls_peers_without_certificate,
        _two_on_one_port,
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
