"""Laboratory values from a CSV file: ``patient_id,analyte,value,unit,collected_on``."""

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from config.errors import NodeError
from pipeline.analysis import ANALYTE_UNITS
from pipeline.study import Analyte, ClinicalValue

COLUMNS = ("patient_id", "analyte", "value", "unit", "collected_on")
ORIGIN = "csv"

LabValues = Mapping[str, Mapping[Analyte, ClinicalValue]]
"""By PatientID, then by analyte."""


class LabFileError(NodeError):
    """A file of laboratory values that cannot be believed; nothing of it is used.

    Parameters
    ----------
    path
        Of the file.
    problems
        One sentence a wrong line, without its values.
    """

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(f"{path}: {'; '.join(problems)}")


def read_labs(path: Path) -> LabValues:
    """Read a file of laboratory values; of several of one analyte the last collected counts.

    Raises
    ------
    LabFileError
        The header or any line is wrong; every wrong line is named.
    OSError
        The file cannot be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise LabFileError(path, [f"line 1: the header must be {','.join(COLUMNS)}"])
            rows = [(reader.line_num, row) for row in reader]
        except (csv.Error, UnicodeDecodeError) as error:
            raise LabFileError(path, [f"not a CSV file in UTF-8: {error}"]) from error
    found: dict[str, dict[Analyte, ClinicalValue]] = {}
    problems = []
    for line, row in rows:
        try:
            patient_id, analyte, value = _parse(row)
        except ValueError as error:
            problems.append(f"line {line}: {error}")
            continue
        values = found.setdefault(patient_id, {})
        if analyte not in values or _when(values[analyte]) <= _when(value):
            values[analyte] = value
    if problems:
        raise LabFileError(path, problems)
    return found


def _parse(row: Mapping[str | None, str | list[str] | None]) -> tuple[str, Analyte, ClinicalValue]:
    cells = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    if None in row:
        raise ValueError(f"more than {len(COLUMNS)} columns")
    if not cells["patient_id"]:
        raise ValueError("no patient_id")
    if cells["analyte"] not in set(Analyte):
        raise ValueError(f"unknown analyte, known are {', '.join(Analyte)}")
    analyte = Analyte(cells["analyte"])
    # Units are compared, not guessed: 0.9 may be g/dL or a plausible value of something else.
    if cells["unit"] != ANALYTE_UNITS[analyte]:
        raise ValueError(f"{analyte} must be in {ANALYTE_UNITS[analyte]}")
    collected_on = date.fromisoformat(cells["collected_on"]) if cells["collected_on"] else None
    return cells["patient_id"], analyte, ClinicalValue(_number(cells["value"], analyte), collected_on, ORIGIN)


def _number(text: str, analyte: Analyte) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{analyte} is not a number") from None
    if not math.isfinite(value) or value < 0 or (analyte is Analyte.HBCAB and value not in (0.0, 1.0)):
        raise ValueError(f"{analyte} is not a possible value")
    return value


def _when(value: ClinicalValue) -> date:
    return value.collected_on or date.min
