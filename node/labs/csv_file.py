"""Laboratory values from a CSV file, one value a line or one specimen a line with the units in the header."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from config.analytes import AnalyteRules
from node.labs.acceptance import accept, analyte_of, not_used_because
from node.labs.csv_columns import Column, ColumnError, read_column, unit_of
from node.labs.csv_table import ISSUER, Cells, LabFileError, cell, read_table
from node.labs.hl7_patient import LONGEST_ID
from node.labs.instants import from_iso
from node.labs.observation import AcceptedValue, Observation, PatientIdentity, RefusedObservationError
from pipeline.study import Analyte, ClinicalValue

ORIGIN = "csv"


@dataclass(frozen=True)
class LabValues:
    """Every value of a file, since the file does not know the examination.

    Parameters
    ----------
    by_patient
        By patient, then by analyte.
    issuer
        Of patient IDs that come without one.
    """

    by_patient: Mapping[PatientIdentity, Mapping[Analyte, Sequence[ClinicalValue]]]
    issuer: str = ""

    def of(self, patient_id: str, issuer: str) -> Mapping[Analyte, Sequence[ClinicalValue]]:
        """Return the values of one patient; none where the file holds none."""
        return self.by_patient.get(PatientIdentity.of(patient_id, issuer, self.issuer), {})


@dataclass(frozen=True)
class LabRow:
    """One value of a file, and the line it stands on."""

    line: int
    patient: PatientIdentity
    value: AcceptedValue


@dataclass(frozen=True)
class LabFile:
    """A file of laboratory values, each of which passed the gate.

    Parameters
    ----------
    sha256
        Of its bytes; names the file in the ledger, since a file name may hold a patient's.
    """

    sha256: str
    rows: tuple[LabRow, ...]


def read_lab_file(
    path: Path, rules: AnalyteRules, *, today: date, issuer: str = "", dated: bool = True
) -> LabFile:
    """Read a file of laboratory values.

    Parameters
    ----------
    rules
        Codes, names and units that are accepted.
    today
        Day at the site.
    issuer
        Of patient IDs that come without one.
    dated
        Whether a value needs a collection date; it does where it is kept for studies to come.

    Raises
    ------
    LabFileError
        The header or any line is wrong; every wrong line is named.
    OSError
        The file cannot be read.
    """
    content = path.read_bytes()
    columns, lines = read_table(path, content, rules)
    rows: list[LabRow] = []
    problems = []
    for line, cells in lines:
        try:
            patient = _patient(cells, issuer)
            rows += [
                LabRow(line, patient, accept(*found, rules, today, dated=dated))
                for found in _observations(cells, columns, rules)
            ]
        except RefusedObservationError as error:
            problems.append(f"line {line}: {error.because} ({error.code})")
        except (ValueError, ColumnError) as error:
            problems.append(f"line {line}: {error}")
    problems += _contradictions(rows)
    if problems:
        raise LabFileError(path, problems)
    return LabFile(hashlib.sha256(content).hexdigest(), tuple(rows))


def read_labs(path: Path, rules: AnalyteRules, *, today: date, issuer: str = "") -> LabValues:
    """Read a file for an analysis at once; `node.labs.choice` chooses among several of one analyte.

    Raises
    ------
    LabFileError
        The header or any line is wrong; every wrong line is named.
    OSError
        The file cannot be read.
    """
    found: dict[PatientIdentity, dict[Analyte, list[ClinicalValue]]] = {}
    for row in read_lab_file(path, rules, today=today, issuer=issuer, dated=False).rows:
        value = row.value
        clinical = ClinicalValue(
            value.value,
            date.fromisoformat(value.collected_at[:10]) if value.collected_at else None,
            ORIGIN,
            comparator=value.comparator,
            original_value=value.original_value,
            original_unit=value.original_unit,
            collected_at=value.collected_at,
        )
        found.setdefault(row.patient, {}).setdefault(value.analyte, []).append(clinical)
    return LabValues(found, issuer)


def _contradictions(rows: Sequence[LabRow]) -> Iterator[str]:
    """Say where a specimen has two values of an analyte; of specimens without a day nobody can tell them apart."""
    first: dict[tuple[PatientIdentity, Analyte, str], LabRow] = {}
    for row in rows:
        known = first.setdefault((row.patient, row.value.analyte, row.value.collected_at), row)
        if (known.value.value, known.value.comparator) != (row.value.value, row.value.comparator):
            other = f"another value of {row.value.analyte} of the same specimen is on line {known.line}"
            yield f"line {row.line}: {other}"


def _patient(cells: Cells, issuer: str) -> PatientIdentity:
    if None in cells:
        raise ValueError(f"more than {len(cells) - 1} columns")
    patient_id = cell(cells, "patient_id")
    if not patient_id:
        raise ValueError("no patient_id")
    if not patient_id.isprintable() or len(patient_id) > LONGEST_ID:
        raise ValueError(f"patient_id must have at most {LONGEST_ID} characters, all of them printable")
    if None in cells.values():
        raise ValueError(f"fewer than {len(cells)} columns")
    return PatientIdentity.of(patient_id, cell(cells, ISSUER), issuer)


def _observations(
    cells: Cells, columns: Mapping[str, Column], rules: AnalyteRules
) -> Iterator[tuple[Observation, Analyte]]:
    day = cell(cells, "collected_on")
    if day and not from_iso(day):
        raise ValueError("collected_on must be YYYY-MM-DD, with Thh:mm:ss where the time is known")
    if columns:
        found = [(column, column.unit, cell(cells, name)) for name, column in columns.items()]
    else:
        column = read_column(cell(cells, "analyte"), rules)
        found = [(column, unit_of(column, cell(cells, "unit")), cell(cells, "value"))]
    for column, unit, value in found:
        if columns and not value:
            continue
        # A specimen has one value of an analyte: the same line again, or corrected, is the same result.
        own = Observation(
            "", column.names, (value,), unit, from_iso(day), key=from_iso(day), analyte=column.analyte
        )
        analyte = analyte_of(own, rules)
        if analyte is None:
            raise ValueError(not_used_because(own, rules) or f"unknown analyte, known are {', '.join(Analyte)}")
        yield own, analyte
