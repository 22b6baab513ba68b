"""What a column or a cell of a CSV file calls an analyte: the node's own name, a LOINC number, or its name."""

import re
from dataclasses import dataclass

from config.analyte_text import fold_unit
from config.analytes import AnalyteRules
from node.labs.observation import LOINC, CodedName
from pipeline.study import Analyte

_WITH_UNIT = re.compile(r"(.+?)\s*(?:\[(.*)\]|\((.*)\))")
_WITH_CODE = re.compile(r"(\d{1,7}-\d)\b\s*(.*)")


class ColumnError(ValueError):
    """A name that means no analyte, or more than one."""


@dataclass(frozen=True)
class Column:
    """An analyte as a file names it.

    Parameters
    ----------
    names
        Code and text, where a LOINC number is given; then they must agree.
    analyte
        Where the file uses a name without a number.
    unit
        In brackets behind the name; empty where none is.
    """

    names: tuple[CodedName, ...]
    analyte: Analyte | None
    unit: str


def read_column(text: str, rules: AnalyteRules) -> Column:
    """Read ``ast_u_per_l``, ``AST [U/L]`` or ``1920-8 AST [U/L]``.

    Raises
    ------
    ColumnError
        It names no analyte of the model.
    """
    split = _WITH_UNIT.fullmatch(text)
    name = split[1] if split else text
    unit = (split[2] if split[2] is not None else split[3]) if split else ""
    if name in set(Analyte):
        return Column((), Analyte(name), unit)
    code = _WITH_CODE.fullmatch(name)
    if code is not None:
        return Column((CodedName(code[1], code[2], LOINC),), None, unit)
    meant = [analyte for analyte in Analyte if rules.analytes[analyte].is_named_in(name)]
    if len(meant) != 1:
        raise ColumnError(f"unknown analyte, known are {', '.join(Analyte)}, or for example AST [U/L]")
    return Column((), meant[0], unit)


def unit_of(column: Column, unit: str) -> str:
    """Return the unit of a value, given behind its name, beside it, or both.

    Raises
    ------
    ColumnError
        They differ; what stands in brackets may also tell of another test, such as ``Total protein (urine)``.
    """
    if unit and column.unit and fold_unit(unit) != fold_unit(column.unit):
        raise ColumnError(
            "the brackets behind the name do not hold the unit; leave them out, or name the same unit"
        )
    return unit or column.unit
