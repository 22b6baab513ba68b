"""Where each clinical value came from stands beside it, and the tumour size says that it was measured."""

from datetime import date

from dicom_io.results.clinical_items import SIZE_ORIGIN, clinical_container
from pipeline.study import Analyte, ClinicalValue

RECEIVED = ClinicalValue(
    3.1,
    date(2026, 2, 1),
    "hl7 LAB|HOSP",
    original_value="310",
    original_unit="mg/dL",
    collected_at="2026-02-01T08:30:00+01:00",
    message_id="M-7",
)


def properties(value: ClinicalValue) -> dict[str, str]:
    """Return the properties of a fibrinogen by code."""
    container = clinical_container({"fibrinogen_g_per_l": value.value}, {Analyte.FIBRINOGEN: value})
    (item,) = container.ContentSequence
    found = {}
    for child in item.get("ContentSequence", []):
        name = child.ConceptNameCodeSequence[0].CodeValue
        found[name] = str(child.get("TextValue") or child.get("DateTime") or child.get("Date"))
    return found


def test_value_when_received_from_a_laboratory_then_says_when_whence_and_as_what() -> None:
    assert properties(RECEIVED) == {
        "33882-2": "20260201083000+0100",
        "MVI-L01": "hl7 LAB|HOSP",
        "MVI-L03": "310 mg/dL",
        "MVI-L04": "M-7",
    }


def test_value_when_only_its_day_is_known_then_says_no_more() -> None:
    assert properties(ClinicalValue(3.1, date(2026, 2, 1))) == {"33882-2": "20260201"}


def test_tumour_size_when_reported_then_says_that_it_was_measured_on_the_images() -> None:
    (item,) = clinical_container({"tumour_size_mm": 41.23}, {}).ContentSequence
    assert [child.TextValue for child in item.ContentSequence] == [SIZE_ORIGIN]
