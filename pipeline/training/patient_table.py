"""A cohort as a spreadsheet: one line a patient, saved as CSV."""

import csv
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from pipeline.study import Role

PLAIN = ("patient", "folder", "study", "mvi", "labels")
IMAGE, MASK = "image_", "mask_"
"""Before the name of a role: ``image_T2``, ``mask_T1_HEPATOBILIARY``."""


def read_patient_table(path: Path) -> list[dict[str, Any]]:
    """Read the cases of a CSV file as those of a TOML file.

    Parameters
    ----------
    path
        UTF-8, commas or semicolons as in its first line; columns ``patient``, ``folder`` or ``study`` or
        ``image_ROLE``, ``mvi``, ``labels``, ``mask_ROLE``; every other column is a clinical value, such as
        ``AST [U/L]``. An empty cell is absent. Of a line with more cells than columns the patient alone is read,
        and the case tells it.

    Raises
    ------
    ConfigError
        It cannot be read, or two columns have one name.
    """
    try:
        lines_of_file = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        header = lines_of_file[0] if lines_of_file else ""
        # A spreadsheet program of a country with decimal commas parts cells by semicolons.
        part = ";" if header.count(";") > header.count(",") else ","
        reader = csv.DictReader(lines_of_file, strict=True, delimiter=part)
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        lines = list(reader)
    except FileNotFoundError as error:
        raise ConfigError([f"table of patients {path} does not exist"]) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError([f"{path} is not a CSV file in UTF-8: {error}"]) from error
    double = sorted({name for name in names if names.count(name) > 1})
    problems = [f"{path}: line 1: two columns {name}" for name in double]
    problems += [f"{path}: line 1: a column without a name" for name in names if not name]
    if problems:
        raise ConfigError(problems)
    return [_case(row) for row in lines]


def _case(row: dict[str | Any, str | Any]) -> dict[str, Any]:
    cells = {name: (cell or "").strip() for name, cell in row.items() if name is not None}
    if None in row:
        patient = {name.lower(): cell for name, cell in cells.items() if name.lower() == "patient"}
        return {**patient, "surplus": "cells"}
    case: dict[str, Any] = {"images": {}, "masks": {}, "clinical": {}}
    roles = {role.value.lower(): role.value for role in Role}
    for name, cell in cells.items():
        if not cell:
            continue
        lower = name.lower()
        part, _, role = lower.partition("_")
        if lower in PLAIN:
            case[lower] = cell
        elif f"{part}_" in (IMAGE, MASK):
            # A role that does not exist is refused with the key that it has in a TOML file.
            case[f"{part}s"][roles.get(role, role)] = cell
        else:
            case["clinical"][name] = cell
    return case
