"""What somebody should know of at this moment. Nothing in it comes from a header or from a peer's words."""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from config.errors import ConfigError
from config.settings import Settings
from dicom_io.network.tls import certificate_ends
from node.ledger.ledger import Ledger
from node.ledger.notices import Notice
from node.states import StudyState
from node.storage.retention import low_disk_bytes
from node.studies.reference import study_reference

logger = logging.getLogger(__name__)

PARKED, UNDELIVERED, LOW_DISK, CERTIFICATE = "parked", "undelivered", "low-disk", "certificate"
REARM = 1.1
"""Space that is short counts as short until there is so many times the limit: it comes and goes by a study."""
_STORAGE = "storage"

Look = Callable[[], Iterator[Notice]]


class Conditions:
    """Looks at ledger, disk and certificates.

    Parameters
    ----------
    free_bytes
        Free space of a folder, bytes; the file system's by default.
    """

    def __init__(
        self, ledger: Ledger, settings: Settings, free_bytes: Callable[[Path], int] | None = None
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._free_bytes = free_bytes or (lambda folder: shutil.disk_usage(folder).free)

    def present(self) -> Mapping[str, tuple[Notice, ...]]:
        """Return the notices of each kind that could be looked at."""
        looks: Mapping[str, Look] = {
            PARKED: self._parked,
            UNDELIVERED: self._undelivered,
            LOW_DISK: self._low_disk,
            CERTIFICATE: self._certificates,
        }
        found = {}
        for kind, look in looks.items():
            try:
                found[kind] = tuple(look())
            except Exception:  # Whatever cannot be looked at must not hide the others.
                logger.exception("cannot be looked at for notices kind=%s", kind)
        return found

    def _parked(self) -> Iterator[Notice]:
        for study in self._ledger.studies.all((StudyState.FAILED, StudyState.UNDELIVERED)):
            name = study_reference(study.study_instance_uid)
            code = f" ({study.code})" if study.code else ""
            text = f"Study {name} is {study.state.value}{code}: `mvi-node studies explain {name}` says what to do."
            yield Notice(PARKED, name, text)

    def _undelivered(self) -> Iterator[Notice]:
        hours = self._settings.notify.undelivered_h
        before = self._ledger.clock() - timedelta(hours=hours)
        for peer, studies in self._ledger.outbox.overdue(before).items():
            who = "1 study has" if studies == 1 else f"{studies} studies have"
            text = f"{who} waited for peer {peer} for more than {hours:g} h: see `mvi-node queue`."
            yield Notice(UNDELIVERED, peer, text)

    def _low_disk(self) -> Iterator[Notice]:
        low, minimum = low_disk_bytes(self._settings), self._settings.node.minimum_free_bytes
        free = self._free_bytes(self._settings.node.storage)
        stands = self._ledger.notices.standing([LOW_DISK])
        words = f"{free / 1e9:.1f} GB are free in the storage folder"
        if free < low * (REARM if (LOW_DISK, _STORAGE) in stands else 1):
            text = f"{words}, less than {low / 1e9:.1f} GB: make space, or shorten retention.images_days."
            yield Notice(LOW_DISK, _STORAGE, text)
        full = f"{_STORAGE} full"
        if free < minimum * (REARM if (LOW_DISK, full) in stands else 1):
            text = f"{words}: below {minimum / 1e9:.1f} GB nothing is received. Make space now."
            yield Notice(LOW_DISK, full, text)

    def _certificates(self) -> Iterator[Notice]:
        now, days = self._ledger.clock(), self._settings.notify.certificate_days
        for key, ends in certificate_dates(self._settings).items():
            if ends - now < timedelta(days=days):
                verb = "expires" if ends > now else "expired"
                text = f"The certificate of {key} {verb} on {ends:%Y-%m-%d}: put a new one in its place."
                yield Notice(CERTIFICATE, f"{key} {ends:%Y-%m-%d}", text)


def _warn(key: str, error: ConfigError) -> None:
    logger.warning("certificate cannot be looked at key=%s: %s", key, error)


def certificate_dates(
    settings: Settings, unreadable: Callable[[str, ConfigError], None] = _warn
) -> Mapping[str, datetime]:
    """Return when the certificates of the settings end, by the key that names them; those that can be read.

    Parameters
    ----------
    unreadable
        Told of each that cannot be, with its key.
    """
    tls, labs, notify = settings.tls, settings.labs, settings.notify
    files: dict[str, str] = {}
    if tls.enabled:
        files |= {"tls.certificate": tls.certificate, "tls.authority": tls.authority}
    if labs.tls_port:
        files |= {"labs.tls_certificate": labs.tls_certificate, "labs.tls_client_ca": labs.tls_client_ca}
    files |= {
        "labs.fhir_ca": labs.fhir_ca,
        "audit.authority": settings.audit.authority,
        "notify.smtp_ca": notify.smtp_ca,
        "notify.webhook_ca": notify.webhook_ca,
    }
    found = {}
    for key, path in files.items():
        try:
            if path:
                found[key] = certificate_ends(Path(path))
        except ConfigError as error:  # One that is away must not hide when the others end.
            unreadable(key, error)
    return found
