"""Every dependency of the node examined once, each with what to do where it fails. Changes nothing."""

import ctypes
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta

from config.errors import NodeError
from config.sections.peers import Peer
from config.series_rules import rules_in_force
from config.settings import Settings
from dicom_io.network.limits import TransportLimits
from dicom_io.network.requestor import PeerError, PeerRefusedError, RemoteAE
from dicom_io.network.seam import check_seam
from dicom_io.network.storage_scu import echo
from node.audit.repository import diagnose_repository
from node.diagnosis.compute import diagnose_compute
from node.diagnosis.finding import Finding, Verdict, found, reached_at, why_not_free
from node.diagnosis.listening import shut_out
from node.diagnosis.storage import check_storage
from node.labs.diagnosis import diagnose
from node.ledger.ledger import open_ledger, utc_now
from node.models.choice import load_active_bundle
from node.models.signature import read_public_keys
from node.notify.conditions import certificate_dates
from node.notify.diagnosis import diagnose_channels
from node.peers.clients import make_transport, remote
from node.storage.folder import existing_ledger_url
from node.storage.retention import low_disk_bytes
from node.tls import demand_usable_certificates, tls_files

TIME_ERROR = 5
"""Answer of adjtimex(2) where nothing keeps the clock in time."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""The ledger may be this far ahead of the clock: another machine may have written it."""
PATIENCE = TransportLimits(acse_timeout_s=5.0, network_timeout_s=5.0, dimse_timeout_s=5.0)
"""Somebody waits for the answer."""


def examine(settings: Settings, *, send_notice: bool = False) -> Iterator[Finding]:
    """Examine disk, ledger, ports, certificates, rules, model, clock, laboratory, notices, audit, peers and more.

    Parameters
    ----------
    send_notice
        Whether a test message goes out over each channel of `[notify]`.
    """
    yield _storage(settings)
    yield _ledger(settings)
    yield found("transport", _transport)
    yield _port(settings)
    yield _tls(settings)
    yield found("series rules", lambda: f"version {rules_in_force(settings.matching).label}")
    yield found("model", lambda: _model(settings))
    yield from diagnose_compute(settings.compute)
    yield _clock(settings)
    yield from diagnose(settings.labs)
    yield from diagnose_channels(settings, send=send_notice)
    yield from diagnose_repository(settings)
    for peer in settings.peers:
        yield _peer(peer, settings)


def _storage(settings: Settings) -> Finding:
    name, node = "storage", settings.node
    # Where nothing was received yet the folder is not made: looking must leave no trace.
    folder = node.storage.resolve()
    try:
        existing = check_storage(folder)
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))
    free, low = shutil.disk_usage(existing).free, low_disk_bytes(settings)
    words = f"{folder} has {free / 1e9:.1f} GB free"
    if free < node.minimum_free_bytes:
        words += f", and below {node.minimum_free_bytes / 1e9:.1f} GB nothing is received; make space, or lower "
        return Finding(name, Verdict.FAILED, f"{words}node.minimum_free_bytes")
    if free < low:
        words += f", less than {low / 1e9:.1f} GB; make space, or shorten retention.images_days"
        return Finding(name, Verdict.WARNING, words)
    return Finding(name, Verdict.OK, words)


def _ledger(settings: Settings) -> Finding:
    name = "ledger"
    try:
        url = existing_ledger_url(settings)
    except NodeError:
        return Finding(name, Verdict.OK, "not there yet; the first start makes it")
    try:
        with open_ledger(url) as ledger:
            studies = sum(ledger.studies.count().values())
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))
    return Finding(name, Verdict.OK, f"answers, {studies} studies")


def _transport() -> str:
    check_seam()
    return "pynetdicom is of a version that the transport is tested with"


def _port(settings: Settings) -> Finding:
    finding, outside = _own_port(settings), shut_out(settings)
    if outside and finding.verdict is not Verdict.FAILED:
        return Finding(finding.name, Verdict.WARNING, f"{finding.detail}; {outside}")
    return finding


def _own_port(settings: Settings) -> Finding:
    name, node = "port", settings.node
    if not settings.tls.opens_plain:
        return Finding(name, Verdict.OK, f"closed: DICOM comes over TLS alone, on {node.host}:{settings.tls.port}")
    if node.port == 0:
        return Finding(
            name, Verdict.WARNING, "node.port = 0 takes another port at each start; peers need a fixed one"
        )
    because = why_not_free(node.host, node.port)
    if because:
        return _occupied(name, settings, because)
    return Finding(name, Verdict.OK, f"{node.host}:{node.port} is free; no node runs on it")


def _occupied(name: str, settings: Settings, because: str) -> Finding:
    node = settings.node
    host = reached_at(node.host)
    try:
        echo(RemoteAE(node.ae_title, host, node.port), calling_ae_title=node.ae_title, limits=PATIENCE)
    except PeerError as error:
        if isinstance(error, PeerRefusedError):  # As it must: its own AE title is no peer of its.
            return Finding(name, Verdict.OK, f"{node.ae_title} listens on {host}:{node.port}")
        return Finding(
            name,
            Verdict.FAILED,
            f"{host}:{node.port} cannot be listened on ({because}), and no DICOM node answers there; "
            "end what holds it, or choose another node.port",
        )
    return Finding(name, Verdict.OK, f"{node.ae_title} answers C-ECHO on {host}:{node.port}")


def _tls(settings: Settings) -> Finding:
    name = "tls"
    try:
        demand_usable_certificates(settings)
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))
    words = "off: DICOM travels in plain"
    if tls_files(settings.tls) is not None:
        words = f"certificate, key and authority fit; port {settings.tls.port}"
    soon = _end_soon(settings)
    if soon:
        return Finding(name, Verdict.WARNING, f"{words}; {', '.join(soon)}: put a new one in its place")
    return Finding(name, Verdict.OK, words)


def _end_soon(settings: Settings) -> list[str]:
    until = utc_now() + timedelta(days=settings.notify.certificate_days)
    # What cannot be read has a line of its own, that of whatever uses it: nothing is logged into the table.
    dates = certificate_dates(settings, lambda *_: None)
    return [f"{key} ends on {at:%Y-%m-%d}" for key, at in dates.items() if at < until]


def _model(settings: Settings) -> str:
    read_public_keys(settings.model.trusted_keys)
    identity = load_active_bundle(settings).identity
    return f"{identity.name} {identity.version} is intact; intended use: {identity.intended_use}"


def _clock(settings: Settings) -> Finding:
    name, now = "clock", utc_now()
    ahead = _newest_entry(settings)
    if ahead is not None and ahead - now > CLOCK_TOLERANCE:
        return Finding(name, Verdict.FAILED, f"the ledger is {ahead - now} ahead of this clock; set the clock")
    if _unsynchronised():
        return Finding(name, Verdict.WARNING, f"{now:%Y-%m-%d %H:%M:%S} UTC, kept in time by nothing; run NTP")
    return Finding(name, Verdict.OK, f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _newest_entry(settings: Settings) -> datetime | None:
    try:
        with open_ledger(existing_ledger_url(settings)) as ledger:
            return ledger.studies.last_change()
    except NodeError:
        return None  # Said of the ledger already.


def _unsynchronised() -> bool:
    """Return whether the kernel says that nothing keeps its clock in time; False where it does not say."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return False
    # All zero: no mode bit is set, so that the clock is read and not adjusted; struct timex has 208 bytes.
    return bool(adjtimex(ctypes.create_string_buffer(256)) == TIME_ERROR)


def _peer(peer: Peer, settings: Settings) -> Finding:
    name = f"peer {peer.name}"
    if not peer.receives:
        return Finding(name, Verdict.OK, "only sends; nothing of it is needed")
    try:
        make_transport(peer, settings, PATIENCE).echo(peer)
    except PeerRefusedError as error:
        return Finding(
            name, Verdict.FAILED, f"{error}; enter {settings.node.ae_title} and this host as a peer over there"
        )
    except PeerError as error:
        return Finding(name, Verdict.UNREACHABLE, f"{error}; results wait for it and are not lost")
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))
    return Finding(name, Verdict.OK, f"{peer.dicomweb_url or remote(peer)} answers")
