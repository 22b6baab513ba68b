"""The seven clinical features: complete, or named as missing; never invented."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from config.analytes import AnalyteRule, AnalyteRules, DateWindow
from pipeline.specimen import Examined, is_inside
from pipeline.study import Analyte, ClinicalValue

TUMOUR_SIZE: Final = "tumour_size_mm"
"""Longest diameter of the largest lesion, measured on the images."""


@dataclass(frozen=True)
class ClinicalFeatures:
    """What the classifier may know beside the images.

    Parameters
    ----------
    complete
        All seven features by name, tumour size first, then in the order of `Analyte`; None where one is missing.
    missing
        Names of the absent or unusable ones; empty exactly where `complete` is given.
    warnings
        A sentence for each value that was there and was not used, and one for those used without a known age.
    """

    complete: Mapping[str, float] | None
    missing: tuple[str, ...]
    warnings: tuple[str, ...]


def clinical_features(
    values: Mapping[Analyte, ClinicalValue],
    *,
    tumour_size_mm: float,
    examined: Examined,
    rules: AnalyteRules,
    bounded: Collection[str] = (),
) -> ClinicalFeatures:
    """Collect the clinical features of one study.

    Parameters
    ----------
    values
        As received, in the units that their names carry.
    tumour_size_mm
        Longest diameter of the largest lesion, mm.
    examined
        When the images were acquired; the window is not checked where the day is unknown.
    rules
        Plausible ranges and date window.
    bounded
        Features of which the model takes a bound for the value.

    Returns
    -------
    ClinicalFeatures
        Complete or None. An implausible value, one outside the window, or a bound such as ``<5`` that the model
        was not trained with, counts as missing.

    Raises
    ------
    KeyError
        The rules lack an analyte of the model.
    """
    usable: dict[str, float] = {TUMOUR_SIZE: tumour_size_mm}
    missing, warnings = [], []
    for analyte in Analyte:
        rule = rules.analytes[analyte.value]
        value = values.get(analyte)
        objection = None if value is None else _objection(value, rule, analyte, examined, rules.window)
        if value is not None and value.comparator and analyte not in bounded:
            objection = objection or _bound(value, rule)
        if value is None or objection is not None:
            missing.append(analyte.value)
        else:
            usable[analyte.value] = value.value
        if objection is not None:
            warnings.append(objection)
    complete = None if missing else MappingProxyType(usable)
    if complete is not None:
        warnings += _undated(values, examined, rules)
    return ClinicalFeatures(complete, tuple(missing), tuple(warnings))


def _undated(values: Mapping[Analyte, ClinicalValue], examined: Examined, rules: AnalyteRules) -> list[str]:
    """Name the values that were used although nobody knows how old they were at the images."""
    undated = [
        rules.analytes[analyte.value].display
        for analyte in Analyte
        if examined.on is None or values[analyte].collected_on is None
    ]
    return [f"{', '.join(undated)}: used although nothing says how old at the images."] if undated else []


def _bound(value: ClinicalValue, rule: AnalyteRule) -> str:
    received = f"{value.comparator}{value.original_value.lstrip('<>=≤≥ ') or f'{value.value:g}'}"
    return f"{rule.display} was not used: {received} was received, and the model takes no bound for a value."


def _objection(
    value: ClinicalValue, rule: AnalyteRule, analyte: Analyte, examined: Examined, window: DateWindow
) -> str | None:
    """Say in a sentence why a value is not used, or return None."""
    if not rule.is_plausible(value.value):
        low, high = rule.plausible
        allowed = f"must be {low:g} or {high:g}" if rule.qualitative else f"is plausible from {low:g} to {high:g}"
        return f"{rule.display} was not used: {value.value:g} was received, and it {allowed} ({analyte.value})."
    if value.collected_on is None:
        return (
            f"{rule.display} was not used: the date of its specimen is unknown." if window.require_date else None
        )
    if examined.on is None or is_inside(value, examined, window):
        return None
    days = (value.collected_on - examined.on).days
    if days == 0:
        return _not_surely_before(value, rule, examined)
    when = f"{abs(days)} days {'after' if days > 0 else 'before'} the images"
    return (
        f"{rule.display} was not used: its specimen was taken {when}; at most {window.days_before} days before "
        f"and {window.days_after} after are allowed."
    )


def _not_surely_before(value: ClinicalValue, rule: AnalyteRule, examined: Examined) -> str:
    if examined.began is None:
        because = "and the images do not tell their time"
    elif "T" in value.collected_at:
        because = "after they began, or without a time that can be believed"
    else:
        because = "and its time is not known"
    return f"{rule.display} was not used: its specimen was taken on the day of the images, {because}."
