"""FHIR R4 Observation to what the gate judges."""

from collections.abc import Mapping
from typing import Any, Final

from node.labs.instants import from_iso
from node.labs.observation import CodedName, Observation

FINAL: Final = frozenset({"final", "amended", "corrected"})
WITHDRAWN: Final = frozenset({"entered-in-error", "cancelled"})
UCUM: Final = "http://unitsofmeasure.org"


def observation_of(resource: Mapping[str, Any]) -> Observation | None:
    """Return an Observation, None where its status says that it is no result yet."""
    status = resource.get("status")
    if status not in FINAL | WITHDRAWN:
        return None
    identifier = str(resource.get("id") or "")
    values, unit = _value(resource)
    return Observation(
        where=f"Observation/{identifier}"[:80],
        names=_names(resource.get("code") or {}),
        values=values,
        unit=unit,
        collected_at=_collected_at(resource),
        key=identifier[:255],
        correction=status in ("amended", "corrected"),
        withdrawn=status in WITHDRAWN,
    )


def _names(concept: Mapping[str, Any]) -> tuple[CodedName, ...]:
    coded = [
        CodedName(str(item.get("code") or ""), str(item.get("display") or ""), str(item.get("system") or ""))
        for item in concept.get("coding") or []
    ]
    return (*coded, *([CodedName("", str(concept["text"]))] if concept.get("text") else []))


def _value(resource: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    quantity = resource.get("valueQuantity")
    if quantity:
        text = f"{quantity.get('comparator') or ''}{quantity.get('value', '')}"
        ucum = quantity.get("code") if quantity.get("system") == UCUM else None
        return (text,), str(ucum or quantity.get("unit") or "")
    concept = resource.get("valueCodeableConcept")
    if concept:
        names = _names(concept)
        spellings = [text for name in names for text in (name.code, name.text) if text]
        return tuple(spellings) or ("",), ""
    return (str(resource.get("valueString") or ""),), ""


def _collected_at(resource: Mapping[str, Any]) -> str:
    period = resource.get("effectivePeriod") or {}
    stated = (resource.get("effectiveDateTime"), resource.get("effectiveInstant"), period.get("start"))
    return next((instant for text in stated if text and (instant := from_iso(str(text)))), "")
