"""The one gate: a value counts where code, unit and text agree and the number can be believed."""

import math
import re
from datetime import date, timedelta
from typing import Final

from config.analytes import AnalyteRule, AnalyteRules
from node.labs.observation import LOINC, NO_VALUE, AcceptedValue, CodedName, Observation, RefusedObservationError
from pipeline.analysis import ANALYTE_UNITS
from pipeline.study import Analyte

LOINC_SYSTEMS: Final = frozenset({"LN", "LOINC", "HTTP://LOINC.ORG", "2.16.840.1.113883.6.1"})
_LOINC_CODE = re.compile(r"\d{1,7}-\d")
_NUMBER = re.compile(r"(<=|>=|<|>|≤|≥)?\s*([+-]?(?:\d+\.?\d*|\.\d+))")
_EXPONENT = re.compile(rf"{_NUMBER.pattern}[eE][+-]?\d+")
_COMPARATORS: Final = {"≤": "<=", "≥": ">="}
_VERDICTS: Final = {
    1.0: frozenset({"POS", "DET", "RR", "WR"}),
    0.0: frozenset({"NEG", "ND", "NR"}),
    None: frozenset({"IND", "E"}),
}
"""HL7 table 0078 by what it says of a presence; None: neither."""
MOST_AHEAD: Final = timedelta(days=1)
"""How far a clock of a laboratory may be ahead of ours."""
_MOST_TEXT: Final = 64
"""Characters of a value or a unit that are kept as sent."""


def analyte_of(observation: Observation, rules: AnalyteRules) -> Analyte | None:
    """Return the analyte that an observation claims to be, None where it is none of ours.

    Raises
    ------
    RefusedObservationError
        ``LAB-CODE``: its codes mean different analytes, or one of them is refused by name.
    """
    claims = {_claim(name, rules) for name in observation.names}
    known = sorted(claim for claim in claims if isinstance(claim, Analyte))
    if observation.analyte is not None:
        known = sorted({observation.analyte, *known})
    if not known:
        return None
    # A LOINC number of something else beside a local code of ours is a wrong mapping on one of the two sides.
    if len(known) > 1 or "" in claims:
        raise RefusedObservationError("LAB-CODE", observation.where, "its codes mean different analytes", known[0])
    return known[0]


def not_used_because(observation: Observation, rules: AnalyteRules) -> str | None:
    """Return why a code is refused by name, None where it is not."""
    refused = {item.code: item.because for rule in rules.analytes.values() for item in rule.rejected}
    refused |= {item.code: item.because for item in rules.not_used}
    return next((refused[name.code] for name in observation.names if name.code in refused), None)


def resembles(observation: Observation, rules: AnalyteRules) -> Analyte | None:
    """Return the analyte whose name stands beside a code that nobody has mapped."""
    for analyte in Analyte:
        if any(name.text and rules.analytes[analyte].is_named_in(name.text) for name in observation.names):
            return analyte
    return None


def accept(
    observation: Observation, analyte: Analyte, rules: AnalyteRules, today: date, *, dated: bool = True
) -> AcceptedValue:
    """Turn an observation into a value in the unit of its analyte.

    Parameters
    ----------
    analyte
        As `analyte_of` says.
    today
        Day at the site: a specimen of the future is a typing error.
    dated
        Whether a value without a collection date is refused.

    Raises
    ------
    RefusedObservationError
        Anything does not agree; the code says what.
    """
    rule = rules.analytes[analyte]

    def refuse(code: str, because: str) -> RefusedObservationError:
        return RefusedObservationError(code, observation.where, because, analyte)

    if observation.analyte is None and not _text_agrees(observation, analyte, rules):
        raise refuse("LAB-TEXT", f"its text does not name {rule.display}, which its code means")
    if dated and not observation.collected_at:
        raise refuse("LAB-TIME", f"{rule.display} has no collection date")
    if observation.collected_at and date.fromisoformat(observation.collected_at[:10]) > today + MOST_AHEAD:
        raise refuse("LAB-TIME", f"the collection date of {rule.display} lies in the future")
    try:
        value, comparator = _qualitative(observation, rule) if rule.qualitative else _number(observation, rule)
    except _ValueFault as fault:
        raise refuse(fault.code, fault.because) from None
    if not rule.is_plausible(value):
        low, high = rule.plausible
        raise refuse("LAB-RANGE", f"{rule.display} is plausible from {low:g} to {high:g} {ANALYTE_UNITS[analyte]}")
    return AcceptedValue(
        analyte=analyte,
        value=value,
        comparator=comparator,
        unit=ANALYTE_UNITS[analyte],
        original_value=observation.values[-1][:_MOST_TEXT],
        original_unit=observation.unit[:_MOST_TEXT],
        collected_at=observation.collected_at,
        code=_believed_code(observation, rules),
        key=observation.key,
        correction=observation.correction,
        stated_at=observation.stated_at,
    )


class _ValueFault(Exception):  # noqa: N818 - it never leaves this module
    def __init__(self, code: str, because: str) -> None:
        self.code = code
        self.because = because
        super().__init__(because)


def _claim(name: CodedName, rules: AnalyteRules) -> Analyte | str | None:
    """Return the analyte of a code; "" for a LOINC number of something else, None for what is unknown."""
    if not name.code:
        return None
    if is_loinc(name):
        for analyte in Analyte:
            if name.code in {item.code for item in rules.analytes[analyte].loinc}:
                return analyte
        return ""
    for analyte in Analyte:
        for local in rules.analytes[analyte].local:
            if local.code == name.code and local.system in ("", name.system):
                return analyte
    return None


def is_loinc(name: CodedName) -> bool:
    """Tell whether a code is a LOINC number; many senders leave the name of the system out."""
    return name.system.upper() in LOINC_SYSTEMS or (
        not name.system and _LOINC_CODE.fullmatch(name.code) is not None
    )


def _text_agrees(observation: Observation, analyte: Analyte, rules: AnalyteRules) -> bool:
    """Tell whether one of the texts names the analyte, and none of them another test."""
    rule = rules.analytes[analyte]
    texts = [name.text for name in observation.names if name.text]
    others = [rules.analytes[other] for other in Analyte if other is not analyte]
    return (
        any(rule.is_named_in(text) for text in texts)
        and not any(rule.is_contradicted_by(text) for text in texts)
        and not any(other.is_named_in(text) for other in others for text in texts)
    )


def _believed_code(observation: Observation, rules: AnalyteRules) -> str:
    claimed = [name for name in observation.names if isinstance(_claim(name, rules), Analyte)]
    best = next((name for name in claimed if is_loinc(name)), claimed[0] if claimed else None)
    if best is None:
        return ""
    return f"{best.code} {LOINC if is_loinc(best) else best.system or 'L'}"[:_MOST_TEXT]


def _number(observation: Observation, rule: AnalyteRule) -> tuple[float, str]:
    factor = rule.factor(observation.unit)
    # A missing unit is never guessed: 7.2 is a protein in g/dL and an error in g/L.
    if factor is None:
        raise _ValueFault("LAB-UNIT", f"{rule.display} must be in one of {', '.join(rule.units)}")
    if rule.factor(observation.unit_text) not in (None, factor):
        raise _ValueFault("LAB-UNIT", f"code and text of the unit of {rule.display} are two different units")
    match = _NUMBER.fullmatch(observation.values[0].strip()) if len(observation.values) == 1 else None
    if match is None:
        written = any(_EXPONENT.fullmatch(value.strip()) for value in observation.values)
        raise _ValueFault(
            NO_VALUE,
            f"{rule.display} is written with an exponent; write the number out"
            if written
            else f"{rule.display} is not one number",
        )
    value = float(match[2]) * factor
    if not math.isfinite(value):
        raise _ValueFault(NO_VALUE, f"{rule.display} is not a number")
    comparator = match[1] or ""
    return value, _COMPARATORS.get(comparator, comparator)


def _qualitative(observation: Observation, rule: AnalyteRule) -> tuple[float, str]:
    # An index or a titre is not for us to read against a cut-off of its assay.
    if observation.unit not in ("", *rule.units):
        raise _ValueFault("LAB-UNIT", f"{rule.display} is positive or negative and has no unit")
    words = {value.strip().lower() for value in observation.values if value.strip()}
    verdicts = {1.0 for word in words if word in rule.positive} | {0.0 for word in words if word in rule.negative}
    if observation.analyte is not None:
        verdicts |= {float(word) for word in words if word in ("0", "1")}
    if len(verdicts) != 1:
        raise _ValueFault(NO_VALUE, f"{rule.display} is neither positive nor negative")
    flags = {flag.upper() for flag in observation.interpretations}
    spoken = {verdict for verdict, codes in _VERDICTS.items() if flags & codes}
    if not spoken <= verdicts:
        raise _ValueFault(NO_VALUE, f"the interpretation of {rule.display} contradicts its value")
    return verdicts.pop(), ""
