"""The clinical values that entered the risk, coded with LOINC and UCUM, with date and origin."""

from collections.abc import Mapping
from datetime import datetime

from highdicom import sr

from dicom_io.results import codes
from dicom_io.results.report_content import CONTAINS, PROPERTIES
from pipeline.study import Analyte, ClinicalValue

TUMOUR_SIZE = "tumour_size_mm"
"""Key of the one clinical feature that is measured on the images."""
SIZE_ORIGIN = "measured on the images: longest diameter of the largest lesion"


def clinical_container(
    used: Mapping[str, float], known: Mapping[Analyte, ClinicalValue]
) -> sr.ContainerContentItem:
    """List the values that were used.

    They stay outside the imaging measurements: OHIF would draw each of them beside the lesion.

    Parameters
    ----------
    used
        Value by the analyte's name, in the unit that the name carries.
    known
        Dates and origins, where the study came with them.

    Returns
    -------
    highdicom.sr.ContainerContentItem
        (121118, DCM, "Patient Characteristics").
    """
    container = sr.ContainerContentItem(
        name=codes.PATIENT_CHARACTERISTICS, is_content_continuous=False, relationship_type=CONTAINS
    )
    container.ContentSequence = sr.ContentSequence()
    for name, value in used.items():
        item = _value_item(name, float(value))
        properties = _origin(name, known)
        if properties:
            item.ContentSequence = sr.ContentSequence(properties)
        container.ContentSequence.append(item)
    return container


def _value_item(name: str, value: float) -> sr.ContentItem:
    if name == TUMOUR_SIZE:
        return sr.NumContentItem(codes.TUMOUR_SIZE, round(value, 1), codes.MILLIMETRE, relationship_type=CONTAINS)
    concept = codes.ANALYTE_CONCEPTS[Analyte(name)]
    if concept.unit is None:
        verdict = codes.POSITIVE if value >= 0.5 else codes.NEGATIVE
        return sr.CodeContentItem(concept.name, verdict, relationship_type=CONTAINS)
    return sr.NumContentItem(concept.name, round(value, 3), concept.unit, relationship_type=CONTAINS)


def _origin(name: str, known: Mapping[Analyte, ClinicalValue]) -> list[sr.ContentItem]:
    if name == TUMOUR_SIZE:
        return [sr.TextContentItem(codes.ORIGIN, SIZE_ORIGIN, relationship_type=PROPERTIES)]
    return _properties(known[Analyte(name)]) if name in {*Analyte} and Analyte(name) in known else []


def _properties(value: ClinicalValue) -> list[sr.ContentItem]:
    items: list[sr.ContentItem] = []
    if "T" in value.collected_at:
        instant = datetime.fromisoformat(value.collected_at)
        items.append(sr.DateTimeContentItem(codes.COLLECTION_DATE, instant, relationship_type=PROPERTIES))
    elif value.collected_on is not None:
        items.append(sr.DateContentItem(codes.COLLECTION_DATE, value.collected_on, relationship_type=PROPERTIES))
    texts = {
        codes.ORIGIN: value.origin,
        codes.AS_RECEIVED: f"{value.original_value} {value.original_unit}".strip(),
        codes.MESSAGE_ID: value.message_id,
    }
    items += [sr.TextContentItem(name, text, relationship_type=PROPERTIES) for name, text in texts.items() if text]
    return items
