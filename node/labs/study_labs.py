"""Between the job and the ledger: the laboratory values of the study at hand."""

import logging
from collections.abc import Callable
from dataclasses import replace

from config.analytes import DateWindow
from dicom_io.assembly.examination import when_examined
from dicom_io.assembly.match_result import MatchResult
from dicom_io.assembly.patient import read_patient
from node.labs.observation import PatientIdentity
from node.labs.study_values import StudyValues, values_of_study
from node.ledger.ledger import Ledger
from node.ledger.records import Claim
from pipeline.study import FIXED_ROLE

logger = logging.getLogger(__name__)


class StudyLabs:
    """Finds the laboratory values of a study, and keeps which were used.

    Parameters
    ----------
    window
        How far a specimen may lie from the images.
    issuer
        Of patient IDs that come without one.
    fetch
        Asks a server for the values of a patient, where one is configured; gives sentences for the report.
    """

    def __init__(
        self,
        ledger: Ledger,
        window: DateWindow,
        issuer: str = "",
        fetch: Callable[[PatientIdentity], tuple[str, ...]] = lambda _patient: (),
    ) -> None:
        self._ledger = ledger
        self._window = window
        self._issuer = issuer
        self._fetch = fetch

    def choose(self, claim: Claim, match: MatchResult) -> StudyValues:
        """Return the values of the patient of a matched study.

        Raises
        ------
        OSError
            An image is gone.
        """
        chosen = match.roles[FIXED_ROLE]
        patient = PatientIdentity.of(*read_patient(chosen.instances[0].path), self._issuer)
        examined = when_examined(match)
        # Before the values are read: one that comes in between marks the study, and is looked at afterwards.
        self._ledger.lab_uses.begin(claim.study_instance_uid, claim.generation, patient, examined)
        warnings = self._fetch(patient)
        found = values_of_study(self._ledger.labs, patient, examined, self._window)
        logger.info(
            "laboratory values study=%s examined=%s window_days=%d inside=%s",
            claim.study_instance_uid,
            examined.on,
            self._window.days_before,
            ",".join(found.chosen) or "-",
        )
        return replace(found, warnings=(*warnings, *found.warnings))

    def finished(self, claim: Claim, values: StudyValues, *, has_risk: bool) -> None:
        """Keep which values a result was made with."""
        self._ledger.lab_uses.end(claim.study_instance_uid, values.chosen, has_risk=has_risk)
