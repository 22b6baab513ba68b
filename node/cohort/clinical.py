"""Clinical values of a cohort file: the names and units of the laboratory's own files, and nothing else."""

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from typing import Final

from config.analytes import AnalyteRules
from node.labs.acceptance import accept, analyte_of, not_used_because
from node.labs.csv_columns import Column, ColumnError, read_column
from node.labs.observation import Observation, RefusedObservationError
from pipeline.analysis import ANALYTE_UNITS
from pipeline.study import Analyte, ClinicalValue

ORIGIN = "cohort"
COLUMN = "CM-COLUMN"
"""Code of a column whose name is almost that of an analyte, or that names one as another column does."""
_ALIKE: Final = 0.85
"""Likeness of two names from which one is taken for a typing error: HBsAb and HBcAb have 0.8."""
_KNOWN: Final = (*Analyte, "tumour_size_mm")
"""The size is measured in the images, and never read."""
_UNIT_ENDS: Final = ("_u_per_l", "_g_per_l", "_percent", "_positive", "_mm")


def read_clinical(
    given: Mapping[str, float | str], rules: AnalyteRules, today: date
) -> tuple[dict[Analyte, ClinicalValue], list[tuple[str, str]]]:
    """Read the values of one patient.

    Parameters
    ----------
    given
        By ``ast_u_per_l``, whose unit is in the name, or by name and unit as ``AST [ukat/L]``.
    rules
        Names, units and plausible ranges.
    today
        Day at the site.

    Returns
    -------
    tuple
        Values in the units of their analytes, and code and sentence of each value that is not understood: no unit
        is ever guessed. Further columns (`is_further`) are left out. A sentence names the column, never the
        value.
    """
    values: dict[Analyte, ClinicalValue] = {}
    problems: list[tuple[str, str]] = []
    for name, cell in given.items():
        if is_further(name, rules):
            continue
        try:
            column = read_column(name, rules)
            # The node's own names carry their unit; those of a laboratory do not.
            unit = ANALYTE_UNITS[Analyte(name)] if name in set(Analyte) else column.unit
            analyte, value = _value(column, unit, _text(cell), rules, today)
        except ColumnError as error:
            problems.append((COLUMN, f"column {name}: {error}"))
        except RefusedObservationError as error:
            problems.append((error.code, f"column {name}: {error.because}"))
        else:
            if analyte in values:
                problems.append((COLUMN, f"column {name}: another column holds {analyte} too"))
            values[analyte] = value
    return values, problems


def is_further(name: str, rules: AnalyteRules) -> bool:
    """Tell whether a column is no value of the model, nor almost the name of one, and is described beside them.

    Parameters
    ----------
    name
        As the cohort file gives it.
    rules
        Names of the analytes.
    """
    try:
        read_column(name, rules)
    except ColumnError:
        return not _is_almost_known(name, rules)
    return False


def _is_almost_known(name: str, rules: AnalyteRules) -> bool:
    """Find names such as ``ast_u_per_1`` and ``albumine``: another word for a known value must not go unread."""
    plain = re.sub(r"\s*[\[(].*", "", name).strip().lower()
    if any(plain.startswith(f"{_stem(known)}_") for known in _KNOWN):
        return True
    known = {_stem(feature) for feature in _KNOWN}
    known |= {rules.analytes[analyte].display.lower() for analyte in Analyte}
    return bool(get_close_matches(_stem(plain), known, n=1, cutoff=_ALIKE))


def _stem(name: str) -> str:
    return next((name.removesuffix(end) for end in _UNIT_ENDS if name.endswith(end)), name)


def _value(
    column: Column, unit: str, text: str, rules: AnalyteRules, today: date
) -> tuple[Analyte, ClinicalValue]:
    observation = Observation("", column.names, (text,), unit, analyte=column.analyte)
    analyte = analyte_of(observation, rules)
    if analyte is None:
        raise ColumnError(
            not_used_because(observation, rules) or f"unknown analyte, known are {', '.join(Analyte)}"
        )
    found = accept(observation, analyte, rules, today, dated=False)
    return analyte, ClinicalValue(
        found.value,
        origin=ORIGIN,
        comparator=found.comparator,
        original_value=found.original_value,
        original_unit=found.original_unit,
    )


def _text(cell: float | str) -> str:
    if isinstance(cell, str):
        return cell
    return str(int(cell)) if float(cell).is_integer() else repr(float(cell))
