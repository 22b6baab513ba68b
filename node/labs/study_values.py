"""The laboratory values of one study: whose it is, which values belong to it, and what the reader is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from config.analytes import DateWindow
from dicom_io.results.wording import feature_title
from node.labs.choice import values_of_examination
from node.labs.observation import PatientIdentity
from node.ledger.lab_copies import is_one_specimen
from node.ledger.lab_records import LabValue
from node.ledger.labs import Labs
from pipeline.specimen import Examined, is_inside
from pipeline.study import Analyte, ClinicalValue

TWO_SOURCES = "two sources give two values of one specimen"
ROUNDING = 0.01
"""Share by which one value may differ in two units."""
NO_ISSUER = "none named"
NO_DATE = "The images hold no date: nothing says which laboratory values are of their time, and none was used."


@dataclass(frozen=True)
class StudyValues:
    """What is known for one study.

    Parameters
    ----------
    clinical
        One value of each known analyte; also one outside the window, for the report to name.
    chosen
        Number in the ledger of those inside the window, by analyte.
    warnings
        Sentences for the reader.
    """

    clinical: dict[Analyte, ClinicalValue]
    chosen: dict[str, int]
    warnings: tuple[str, ...]


def values_of_study(labs: Labs, patient: PatientIdentity, examined: Examined, window: DateWindow) -> StudyValues:
    """Choose the values of a study from the ledger; nothing is matched by anything but ID and issuer."""
    if not patient.patient_id:
        return StudyValues({}, {}, ("The images hold no patient ID: laboratory values cannot be looked up.",))
    if examined.on is None:
        return StudyValues({}, {}, (NO_DATE,))
    rows = labs.values(patient)
    known: dict[Analyte, list[ClinicalValue]] = {}
    numbers: dict[tuple[Analyte, ClinicalValue], int] = {}
    for row in rows:
        if row.analyte in set(Analyte):
            analyte, value = Analyte(row.analyte), clinical_value(row)
            known.setdefault(analyte, []).append(value)
            numbers[analyte, value] = row.number
    clinical = values_of_examination(known, examined, window)
    doubtful = [analyte for analyte, value in clinical.items() if _is_contradicted(numbers[analyte, value], rows)]
    for analyte in doubtful:
        del clinical[analyte]
    chosen = {
        analyte.value: numbers[analyte, value]
        for analyte, value in clinical.items()
        if is_inside(value, examined, window)
    }
    warnings = [f"{feature_title(analyte.value)} was not used: {TWO_SOURCES}." for analyte in doubtful]
    return StudyValues(clinical, chosen, (*warnings, *_warnings(labs, patient, found=bool(rows))))


def _is_contradicted(number: int, rows: Sequence[LabValue]) -> bool:
    """Tell whether another source gives another value of the same specimen; a correction decides which counts."""
    chosen = next(row for row in rows if row.number == number)
    others = [row for row in rows if row.analyte == chosen.analyte and row.sender != chosen.sender]
    return any(
        is_one_specimen(row.collected_at, chosen.collected_at)
        and (row.comparator != chosen.comparator or abs(row.value - chosen.value) > ROUNDING * abs(chosen.value))
        for row in others
    )


def clinical_value(row: LabValue) -> ClinicalValue:
    """Return a value of the ledger as the pipeline takes it, with where it came from."""
    return ClinicalValue(
        row.value,
        date.fromisoformat(row.collected_at[:10]),
        f"{row.source} {row.sender}".strip(),
        comparator=row.comparator,
        original_value=row.original_value,
        original_unit=row.original_unit,
        collected_at=row.collected_at,
        message_id=row.message_id,
    )


def _warnings(labs: Labs, patient: PatientIdentity, *, found: bool) -> tuple[str, ...]:
    others = [] if found else [name for name in labs.issuers(patient.patient_id) if name != patient.issuer]
    if not others:
        return ()
    named = ", ".join(name or NO_ISSUER for name in others)
    return (
        f"Laboratory values of this patient ID are known from another issuer ({named}) than that of the images "
        f"({patient.issuer or NO_ISSUER}), and were not used.",
    )
