"""Headers to facts: the classic single-frame objects, and what both kinds of object share."""

import math
from pathlib import Path
from typing import Any

from dicom_io.assembly.dialects import (
    agent,
    complex_component,
    dixon_type,
    fat_suppression,
    image_words,
    scanning_sequence,
)
from dicom_io.assembly.diffusion import b_value_s_per_mm2, directionality, gradient
from dicom_io.assembly.elements import Elements
from dicom_io.assembly.facts import FrameFacts, Physics, SeriesFacts, Times, Vector
from dicom_io.assembly.instants import date_time_s, instant_s
from dicom_io.assembly.match_result import SourceInstance
from dicom_io.assembly.patients import digest_of, person_of
from dicom_io.assembly.text import normalise
from dicom_io.assembly.wanted import BLOCKS, PRIVATE_ELEMENTS, tag_of

GAUSS_A_TESLA = 10_000.0
_GAUSS_ABOVE = 100.0
"""A field strength above it is in gauss, as old GE systems write it."""

LEAST_PIXEL_MM, GREATEST_PIXEL_MM = 0.01, 100.0
"""What lies closer or further apart is no image of a patient; grids of it are empty, or fill the memory."""

_MOST_ALONG = 0.9
"""Cosine between row and column from which on they span no plane that could be told."""

_SERIES = frozenset(
    tag_of(keyword)
    for keyword in (
        "SpecificCharacterSet", "SeriesDescription", "ProtocolName", "SequenceName", "PatientID",
        "IssuerOfPatientID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "Manufacturer",
        "FrameOfReferenceUID", "ImagesInAcquisition", "PatientName", "PatientBirthDate", "PatientSex",
        "PatientPosition", "StudyDescription", "RequestedProcedureDescription",
        "PerformedProcedureStepDescription",
    )
)  # fmt: skip
"""Elements that the facts of a series follow from."""

_ORDERS = {
    "StudyDescription": "Study Description (0008,1030)",
    "RequestedProcedureDescription": "Requested Procedure Description (0032,1060)",
    "PerformedProcedureStepDescription": "Performed Procedure Step Description (0040,0254)",
}
"""Elements that say in words what was ordered and done, and their names."""

_PHYSICS = frozenset((
    *(
        tag_of(keyword)
        for keyword in (
            "SpecificCharacterSet", "ImageType", "SeriesDescription", "ScanningSequence", "MRAcquisitionType",
            "PulseSequenceName", "SequenceName", "RepetitionTime", "EchoTime", "EchoTrainLength", "FlipAngle",
            "SliceThickness", "MagneticFieldStrength", "ScanOptions", "SpectrallySelectedSuppression",
            "ComplexImageComponent", "EchoNumbers", "DiffusionBValue", "DiffusionDirectionality",
            "DiffusionGradientOrientation", "ImageComments", "ContrastBolusAgent", "ContrastBolusAgentSequence",
            "ContrastBolusIngredient", "ContrastBolusStartTime", "LossyImageCompression", "BurnedInAnnotation",
            "BodyPartExamined",
        )
    ),
    *(
        group << 16 | block << 8 | last
        for creator, (group, elements) in PRIVATE_ELEMENTS.items()
        if creator != "SIEMENS CSA HEADER"
        for block in (0, *BLOCKS)
        for last in (BLOCKS if block == 0 else elements)
    ),
))  # fmt: skip
"""Elements that the facts of an acquisition follow from; the header of Siemens is other for each image."""


def source_instance(elements: Elements, path: Path) -> SourceInstance:
    """Return the identity of the instance at `path`."""
    return SourceInstance(path, elements.word("SOPClassUID"), elements.word("SOPInstanceUID"))


def series_facts(elements: Elements, seen: dict[Any, Any]) -> SeriesFacts:
    """Return the facts of the series, one object for equal series."""
    key = ("series", elements.fingerprint(_SERIES))
    if key not in seen:
        seen[key] = _series_facts(elements)
    kept: SeriesFacts = seen[key]
    return kept


def _series_facts(elements: Elements) -> SeriesFacts:
    descriptions = elements.text("SeriesDescription")
    names = [*descriptions, *elements.text("ProtocolName"), *elements.text("SequenceName")]
    return SeriesFacts(
        study_instance_uid=elements.word("StudyInstanceUID"),
        series_instance_uid=elements.word("SeriesInstanceUID"),
        series_number=elements.whole("SeriesNumber"),
        descriptions=descriptions,
        search_text=" | ".join(dict.fromkeys(filter(None, map(normalise, names)))),
        patient_key=digest_of(elements.word("PatientID")),
        modality=elements.word("Modality"),
        manufacturer=elements.word("Manufacturer"),
        frame_of_reference_uid=elements.word("FrameOfReferenceUID"),
        images_in_acquisition=elements.whole("ImagesInAcquisition"),
        patient_position=elements.word("PatientPosition").upper(),
        person=person_of(elements),
        orders=tuple((name, text) for keyword, name in _ORDERS.items() if (text := readings(elements, keyword))),
    )


def classic_frame(elements: Elements, path: Path, seen: dict[Any, Any]) -> FrameFacts:
    """Return the facts of a single-frame image.

    Parameters
    ----------
    elements
        Of the whole data set.
    path
        Where it lies.
    seen
        Shared objects of this scan.
    """
    return FrameFacts(
        instance=source_instance(elements, path),
        frame_number=None,
        frame_count=1,
        series=series_facts(elements, seen),
        physics=classic_physics(elements, seen),
        rows=elements.whole("Rows") or 0,
        columns=elements.whole("Columns") or 0,
        pixel_spacing_mm=pixel_spacing(elements.numbers("PixelSpacing")),
        orientation=cosines(elements.numbers("ImageOrientationPatient")),
        position_lps_mm=vector(elements.numbers("ImagePositionPatient")),
        times=instance_times(elements),
        temporal_position=elements.whole("TemporalPositionIdentifier"),
        acquisition_number=elements.whole("AcquisitionNumber"),
        instance_number=elements.whole("InstanceNumber"),
        comments=readings(elements, "ImageComments"),
    )


def readings(elements: Elements, keyword: str) -> str:
    """Return all readings of a text element in one; empty where it is absent."""
    return " | ".join(filter(None, elements.text(keyword)))


def classic_physics(elements: Elements, seen: dict[Any, Any]) -> Physics:
    """Return how the image was acquired, one object for equal facts."""
    csa = elements.private("SIEMENS CSA HEADER", 0x10) is not None and "EP" in elements.words("ScanningSequence")
    key = ("physics", elements.fingerprint(_PHYSICS), elements.word("SOPInstanceUID") if csa else "")
    if key not in seen:
        facts = _classic_physics(elements)
        seen[key] = seen.setdefault(facts, facts)
    kept: Physics = seen[key]
    return kept


def _classic_physics(elements: Elements) -> Physics:
    image_type = image_words(elements.words("ImageType"), elements)
    description = normalise(elements.text("SeriesDescription")[0])
    field = elements.number("MagneticFieldStrength")
    locations = elements.private_numbers("GEMS_RELA_01", 0x4F)
    return Physics(
        image_type=image_type,
        scanning_sequence=scanning_sequence(elements),
        acquisition_type=elements.word("MRAcquisitionType"),
        pulse_sequence=elements.word("PulseSequenceName"),
        repetition_time_ms=elements.number("RepetitionTime"),
        echo_time_ms=elements.number("EchoTime"),
        echo_train_length=elements.number("EchoTrainLength"),
        flip_angle_deg=elements.number("FlipAngle"),
        slice_thickness_mm=elements.number("SliceThickness"),
        field_strength_t=field / GAUSS_A_TESLA if field and field > _GAUSS_ABOVE else field,
        fat_suppressed=fat_suppression(elements),
        dixon=dixon_type(image_type),
        component=complex_component(elements, image_type),
        echo_number=elements.whole("EchoNumbers"),
        b_value_s_per_mm2=b_value_s_per_mm2(elements, image_type, description),
        directionality=directionality(elements, image_type),
        gradient=gradient(elements),
        agent=agent(elements),
        contrast_start=elements.word("ContrastBolusStartTime"),
        lossy=elements.word("LossyImageCompression") == "01",
        burned_in=elements.word("BurnedInAnnotation") == "YES",
        body_part=elements.word("BodyPartExamined").upper(),
        mosaic=bool({"VFRAME", "MOSAIC"} & set(image_type)),
        locations=int(locations[0]) if locations and locations[0] > 0 else None,
    )


def instance_times(elements: Elements) -> Times:
    """Return every instant that the top level of a data set gives."""
    study_day = elements.word("StudyDate")
    series_day = elements.word("SeriesDate") or study_day
    acquired = instant_s((elements.word("AcquisitionDate"), series_day), elements.word("AcquisitionTime"))
    if acquired is None:
        acquired = date_time_s(elements.word("AcquisitionDateTime"))
    trigger_ms = elements.number("TriggerTime")
    return Times(
        acquisition_s=acquired,
        content_s=instant_s((elements.word("ContentDate"), series_day), elements.word("ContentTime")),
        series_s=instant_s((series_day,), elements.word("SeriesTime")),
        trigger_s=None if trigger_ms is None else trigger_ms / 1000,
    )


def pixel_spacing(numbers: tuple[float, ...]) -> tuple[float, float] | None:
    """Return two distances that pixels of a patient can have, mm, or None."""
    if len(numbers) != 2 or min(numbers) < LEAST_PIXEL_MM or max(numbers) > GREATEST_PIXEL_MM:
        return None
    return numbers[0], numbers[1]


def vector(numbers: tuple[float, ...]) -> Vector | None:
    """Return three numbers, or None."""
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


def cosines(numbers: tuple[float, ...]) -> tuple[float, ...] | None:
    """Return six direction cosines, or None where there are not six or they span no plane."""
    if len(numbers) != 6:
        return None
    row, column = numbers[:3], numbers[3:]
    longest = math.hypot(*row) * math.hypot(*column)
    along = abs(sum(a * b for a, b in zip(row, column, strict=True)))
    return numbers if along < _MOST_ALONG * longest else None
