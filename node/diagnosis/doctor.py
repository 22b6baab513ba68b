"""Every dependency of the node examined once, each with what to do where it fails. Changes nothing."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from config.examining import Examined
from config.series_rules import rules_in_force
from config.settings import Settings
from dicom_io.network.seam import check_seam
from node.audit.repository import diagnose_repository
from node.diagnosis.clock import diagnose_clock
from node.diagnosis.compute import diagnose_compute
from node.diagnosis.finding import Finding, Verdict, attempted, found
from node.diagnosis.keeping import diagnose_ledger, diagnose_storage
from node.diagnosis.peer import diagnose_peer
from node.diagnosis.port import diagnose_port
from node.diagnosis.tls import diagnose_tls
from node.labs.diagnosis import diagnose
from node.models.choice import load_active_bundle
from node.models.signature import read_public_keys
from node.notify.diagnosis import diagnose_channels

SETTINGS = "settings"


def examine(examined: Examined, *, send_notice: bool = False) -> Iterator[Finding]:
    """Examine disk, ledger, ports, certificates, rules, model, clock, laboratory, notices, audit, peers and more.

    Each wrong setting is a finding, and whatever needs none of them is examined all the same.

    Parameters
    ----------
    send_notice
        Whether a test message goes out over each channel of `[notify]`.
    """
    for problem in examined.problems:
        yield Finding(SETTINGS, Verdict.FAILED, problem)
    settings = examined.settings
    looks: dict[str, Callable[[], Finding | Iterable[Finding]]] = {
        "storage": lambda: diagnose_storage(settings),
        "ledger": lambda: diagnose_ledger(settings),
        "transport": lambda: found("transport", _transport),
        "port": lambda: diagnose_port(settings),
        "tls": lambda: diagnose_tls(settings),
        "series rules": lambda: found("series rules", lambda: _rules(settings)),
        "model": lambda: found("model", lambda: _model(settings)),
        "compute": lambda: diagnose_compute(settings.compute),
        "clock": lambda: diagnose_clock(settings),
        "laboratory": lambda: diagnose(settings.labs),
        "notify": lambda: diagnose_channels(settings, send=send_notice),
        "audit repository": lambda: diagnose_repository(settings),
        "peers": lambda: _peers(settings),
    }
    for name, look in looks.items():
        yield from attempted(name, look)


def _transport() -> str:
    check_seam()
    return "pynetdicom is of a version that the transport is tested with"


def _rules(settings: Settings) -> str:
    return f"version {rules_in_force(settings.matching).label}"


def _model(settings: Settings) -> str:
    read_public_keys(settings.model.trusted_keys)
    identity = load_active_bundle(settings).identity
    return f"{identity.name} {identity.version} is intact; intended use: {identity.intended_use}"


def _peers(settings: Settings) -> Iterator[Finding]:
    for peer in settings.peers:
        # The name of a peer is always known: see config.examining.
        yield from attempted(f"peer {peer.name}", partial(diagnose_peer, peer, settings))
