"""FHIR R4 Observation to what the gate judges."""

from typing import Final

from node.labs.fhir_shape import Element, number_of, object_of, objects_of, text_of
from node.labs.instants import from_iso
from node.labs.observation import CodedName, Observation, off_scale

FINAL: Final = frozenset({"final", "amended", "corrected"})
WITHDRAWN: Final = frozenset({"entered-in-error", "cancelled"})
CORRECTED: Final = frozenset({"amended", "corrected"})
CHANGED: Final = CORRECTED | WITHDRAWN
"""With these the laboratory says that what it sent before is wrong."""
UCUM: Final = "http://unitsofmeasure.org"


def observation_of(resource: Element) -> Observation | None:
    """Return an Observation, None where its status says that it is no result yet.

    Raises
    ------
    ShapeError
        It is malformed.
    """
    status = text_of(resource, "status")
    if status not in FINAL | WITHDRAWN:
        return None
    identifier = text_of(resource, "id")
    values, unit, unit_text = _value(resource)
    flags = _interpretations(resource)
    return Observation(
        where=f"Observation/{identifier}"[:80],
        names=_names(object_of(resource, "code")),
        values=off_scale(values, flags),
        interpretations=flags,
        unit=unit,
        unit_text=unit_text,
        collected_at=_collected_at(resource),
        key=identifier[:255],
        correction=status in CORRECTED,
        withdrawn=status in WITHDRAWN,
        stated_at=from_iso(text_of(object_of(resource, "meta"), "lastUpdated")),
    )


def _names(concept: Element) -> tuple[CodedName, ...]:
    coded = [
        CodedName(text_of(item, "code"), text_of(item, "display"), text_of(item, "system"))
        for item in objects_of(concept, "coding")
    ]
    text = text_of(concept, "text")
    return (*coded, *([CodedName("", text)] if text else []))


def _value(resource: Element) -> tuple[tuple[str, ...], str, str]:
    quantity = object_of(resource, "valueQuantity")
    if quantity:
        text = f"{text_of(quantity, 'comparator')}{number_of(quantity, 'value')}"
        ucum = text_of(quantity, "code") if quantity.get("system") == UCUM else ""
        return (text,), ucum or text_of(quantity, "unit"), text_of(quantity, "unit")
    concept = object_of(resource, "valueCodeableConcept")
    if concept:
        spellings = [text for name in _names(concept) for text in (name.code, name.text) if text]
        return tuple(spellings) or ("",), "", ""
    return (text_of(resource, "valueString"),), "", ""


def _interpretations(resource: Element) -> set[str]:
    concepts = objects_of(resource, "interpretation")
    return {text_of(item, "code") for concept in concepts for item in objects_of(concept, "coding")}


def _collected_at(resource: Element) -> str:
    period = object_of(resource, "effectivePeriod")
    stated = (
        text_of(resource, "effectiveDateTime"),
        text_of(resource, "effectiveInstant"),
        text_of(period, "start"),
    )
    return next((instant for text in stated if (instant := from_iso(text))), "")
