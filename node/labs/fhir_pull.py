"""Ask a FHIR server for the values of a patient, at the analysis and while late values still count."""

import logging
from collections.abc import Mapping
from datetime import timedelta

from config.analytes import AnalyteRules
from node.labs.fhir_bundle import FhirAmbiguousError, FhirError, digest
from node.labs.fhir_client import FhirClient
from node.labs.fhir_results import CHANGED, observation_of
from node.labs.fhir_shape import Element, ShapeError, object_of, text_of
from node.labs.gate import judge
from node.labs.hl7_header import rules_digest
from node.labs.observation import PatientIdentity
from node.ledger.lab_records import LabMessage, LabSource, PatientResults, WithdrawnResult
from node.ledger.lab_uses import LabUse
from node.ledger.ledger import Ledger
from pipeline.study import Analyte

logger = logging.getLogger(__name__)

LOINC = "http://loinc.org"
CORRECTIONS_EVERY_S = 6 * 3600.0
"""Interval at which the server is asked for values that were used, s: a node may be restarted every day."""
NO_ANSWER = "The laboratory server was asked and did not answer; values may be missing that it has."
"""Warning for the report; the log says why."""
AMBIGUOUS = "The laboratory server knows several patients by this patient ID, and none of its values were used."
"""Warning for the report; the log says what to set."""
UNREADABLE = "The laboratory server sent a result that cannot be read, and it was not used."
"""Warning for the report; the log says what is wrong with it."""


class FhirPull:
    """Enters what a server knows of a patient.

    Parameters
    ----------
    issuer
        Whose patient IDs the server knows; nobody else's patients are asked for.
    """

    def __init__(self, client: FhirClient, ledger: Ledger, rules: AnalyteRules, issuer: str) -> None:
        self._client = client
        self._ledger = ledger
        self._rules = rules
        self._issuer = issuer.upper()
        self._rules_digest = rules_digest(rules)
        self._codes = _search_tokens(rules)
        self._outcomes = {"answered": 0, "failed": 0}

    def outcomes(self) -> Mapping[str, int]:
        """Return how often the server answered, and how often it failed, since the node started."""
        return dict(self._outcomes)

    def fetch(self, patient: PatientIdentity) -> tuple[str, ...]:
        """Ask for one patient; return sentences for the report."""
        if patient.issuer != self._issuer or not patient.patient_id:
            return ()
        try:
            resources = self._client.observations(patient.patient_id, self._codes)
        except FhirError as error:
            logger.warning("laboratory server failed because=%s", error)
            self._outcomes["failed"] += 1
            return (AMBIGUOUS if isinstance(error, FhirAmbiguousError) else NO_ANSWER,)
        self._outcomes["answered"] += 1
        stated: set[str] = set()
        read = [self._enter(patient, resource, stated) for resource in resources]
        # What is deleted there, not final any more, or of another patient now, is no value of this one.
        self._ledger.labs.let_go(self._client.base, patient, stated)
        return () if all(read) else (UNREADABLE,)

    def fetch_late(self, wait_h: float) -> int:
        """Ask again for the patients of studies whose result a value may still change; return how many."""
        since = self._ledger.clock() - timedelta(hours=wait_h)
        # Also where all values are known: the server is the only one to tell of a correction.
        patients = {use.patient for use in self._ledger.lab_uses.since(since) if use.has_risk}
        for patient in patients:
            self.fetch(patient)
        return len(patients)

    def fetch_used(self, days: float) -> int:
        """Ask for the patients of whom a risk was made with a value of the server; return how many.

        Nobody else tells of its correction or withdrawal, which issues the result again at any time.
        """
        since = self._ledger.clock() - timedelta(days=days)
        patients = {use.patient for use in self._ledger.lab_uses.since(since) if self._was_used(use)}
        for patient in patients:
            self.fetch(patient)
        return len(patients)

    def _was_used(self, use: LabUse) -> bool:
        if not use.has_risk or len(use.chosen) < len(Analyte):
            return False
        used = set(use.chosen.values())
        rows = self._ledger.labs.values(use.patient)
        return any(row.number in used and row.sender == self._client.base for row in rows)

    def _enter(self, patient: PatientIdentity, resource: Element, stated: set[str]) -> bool:
        """Enter an Observation where it is one of ours; return whether it could be read.

        Its key is added to `stated` where it gives a value that counts.
        """
        try:
            observation = observation_of(resource)
            version = text_of(object_of(resource, "meta"), "versionId")
        except ShapeError as error:
            logger.warning("result of the laboratory server not read because=%s", error)
            self._withdraw(patient, resource, str(error))
            return False
        if observation is None:
            return True
        judged = judge([observation], self._rules, self._ledger.clock().astimezone().date())
        stated |= {value.key for value in judged.accepted}
        if not judged:
            return True
        message_id = "/_history/".join(part for part in (observation.where, version) if part)[:255]
        part = PatientResults(patient, message_id, judged.accepted, judged.withdrawn, judged.refused)
        # Other rules may judge otherwise, and its Patient may get another identifier: both make another statement.
        whose = [patient.patient_id, patient.issuer]
        sha256 = digest({"resource": resource, "rules": self._rules_digest, "patient": whose})
        record = LabMessage(self._client.base, observation.where, sha256, "", "[]")
        # Without a version the server says what holds now; an old version is that of a copy that lags behind.
        self._ledger.labs.enter(LabSource.FHIR, self._client.base, [part], message=record, again=not version)
        return True

    def _withdraw(self, patient: PatientIdentity, resource: Element, because: str) -> None:
        """Withdraw what a malformed correction corrects: nobody can say of which analyte it is, but its id can."""
        key = resource.get("id")
        if str(resource.get("status")) in CHANGED and isinstance(key, str) and key:
            taken_back = [WithdrawnResult(analyte, key[:255], "", because=because) for analyte in Analyte]
            part = PatientResults(patient, f"Observation/{key}"[:80], withdrawn=taken_back)
            self._ledger.labs.enter(LabSource.FHIR, self._client.base, [part])


def _search_tokens(rules: AnalyteRules) -> list[str]:
    found = [f"{LOINC}|{item.code}" for analyte in Analyte for item in rules.analytes[analyte].loinc]
    local = [item.code for analyte in Analyte for item in rules.analytes[analyte].local]
    return [*found, *local]
