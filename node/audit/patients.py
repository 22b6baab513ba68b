"""Whose study an audit event is about (PS3.15 A.5.3 wants its patient): the Patient ID, no name."""

import logging
from collections.abc import Callable
from pathlib import Path

from dicom_io.assembly.patient import PatientKey, read_patient
from node.audit.trail import Trail
from node.ledger.changes import Changes

logger = logging.getLogger(__name__)


class Patients:
    """Asks an image of the study; after it was deleted, what the trail said of the study before.

    Parameters
    ----------
    storage
        Folder that the paths of the ledger begin at.
    read
        Reads whose a file is.
    """

    def __init__(
        self,
        storage: Path,
        changes: Changes,
        trail: Trail,
        read: Callable[[Path], PatientKey] = read_patient,
    ) -> None:
        self._storage = storage
        self._changes = changes
        self._trail = trail
        self._read = read

    def of_study(self, study_instance_uid: str) -> str:
        """Return the Patient ID; empty where nobody knows."""
        path = self._changes.a_file(study_instance_uid)
        if path:
            try:
                return self._read(self._storage / path).patient_id
            except Exception:  # Whatever damaged bytes bring about: the event itself must be written.
                logger.warning(
                    "no patient is named in the audit, an image cannot be read study=%s", study_instance_uid
                )
        return self._before(study_instance_uid)

    def _before(self, study_instance_uid: str) -> str:
        known = (
            record.get("patient_id", "")
            for record in self._trail.records()
            if record["study_instance_uid"] == study_instance_uid
        )
        return next((str(patient_id) for patient_id in known if patient_id), "")
