"""Laboratory values from a CSV file: ``patient_id,analyte,value,unit,collected_on``."""

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from config.analytes import AnalyteRule, AnalyteRules
from config.errors import NodeError
from pipeline.study import Analyte, ClinicalValue

COLUMNS = ("patient_id", "analyte", "value", "unit", "collected_on")
ORIGIN = "csv"

LabValues = Mapping[str, Mapping[Analyte, Sequence[ClinicalValue]]]
"""By PatientID, then by analyte; every value of the file, since the file does not know the examination."""


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


def read_labs(path: Path, rules: AnalyteRules) -> LabValues:
    """Read a file of laboratory values; `node.labs.choice` chooses among several of one analyte.

    Parameters
    ----------
    rules
        Accepted units; values are converted to the unit that the analyte's name carries.

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
    found: dict[str, dict[Analyte, list[ClinicalValue]]] = {}
    problems = []
    for line, row in rows:
        try:
            patient_id, analyte, value = _parse(row, rules)
        except ValueError as error:
            problems.append(f"line {line}: {error}")
            continue
        found.setdefault(patient_id, {}).setdefault(analyte, []).append(value)
    if problems:
        raise LabFileError(path, problems)
    return found


def _parse(
    row: Mapping[str | None, str | list[str] | None], rules: AnalyteRules
) -> tuple[str, Analyte, ClinicalValue]:
    cells = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    if None in row:
        raise ValueError(f"more than {len(COLUMNS)} columns")
    if not cells["patient_id"]:
        raise ValueError("no patient_id")
    if cells["analyte"] not in set(Analyte):
        raise ValueError(f"unknown analyte, known are {', '.join(Analyte)}")
    analyte = Analyte(cells["analyte"])
    value = _value(cells["value"], cells["unit"], analyte, rules.analytes[analyte])
    return cells["patient_id"], analyte, ClinicalValue(value, _date(cells["collected_on"]), ORIGIN)


def _value(text: str, unit: str, analyte: Analyte, rule: AnalyteRule) -> float:
    if rule.qualitative and text.lower() in rule.positive:
        return 1.0
    if rule.qualitative and text.lower() in rule.negative:
        return 0.0
    # A missing unit is never guessed: 7.2 is a protein in g/dL and an error in g/L.
    if unit not in rule.units:
        raise ValueError(f"{analyte} must be in one of {', '.join(rule.units)}")
    try:
        value = float(text) * rule.units[unit]
    except ValueError:
        raise ValueError(f"{analyte} is not a number") from None
    # Implausible values are judged with the study and named in its report; these are no values at all.
    if not math.isfinite(value) or value < 0 or (rule.qualitative and value not in (0.0, 1.0)):
        raise ValueError(f"{analyte} is not a possible value")
    return value


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError("collected_on must be YYYY-MM-DD") from None
