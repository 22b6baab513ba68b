"""Headers to facts: the classic single-frame objects, and what both kinds of object share."""

import hashlib
from pathlib import Path
from typing import Any

from dicom_io.assembly.dialects import b_value_s_per_mm2, complex_component, dixon_type, fat_suppression
from dicom_io.assembly.elements import Elements
from dicom_io.assembly.facts import FrameFacts, Physics, SeriesFacts, Times, Vector
from dicom_io.assembly.instants import date_time_s, instant_s
from dicom_io.assembly.match_result import SourceInstance
from dicom_io.assembly.text import normalise

GAUSS_A_TESLA = 10_000.0
_GAUSS_ABOVE = 100.0
"""A field strength above it is in gauss, as old GE systems write it."""


def source_instance(elements: Elements, path: Path) -> SourceInstance:
    """Return the identity of the instance at `path`."""
    return SourceInstance(path, elements.word("SOPClassUID"), elements.word("SOPInstanceUID"))


def series_facts(elements: Elements, seen: dict[Any, Any]) -> SeriesFacts:
    """Return the facts of the series, one object for equal series."""
    descriptions = elements.text("SeriesDescription")
    names = [*descriptions, *elements.text("ProtocolName"), *elements.text("SequenceName")]
    patient = "\\".join((elements.word("PatientID"), elements.word("IssuerOfPatientID")))
    facts = SeriesFacts(
        study_instance_uid=elements.word("StudyInstanceUID"),
        series_instance_uid=elements.word("SeriesInstanceUID"),
        series_number=elements.whole("SeriesNumber"),
        descriptions=descriptions,
        search_text=" | ".join(dict.fromkeys(filter(None, map(normalise, names)))),
        patient_key=hashlib.sha256(patient.encode()).hexdigest() if patient.strip("\\") else "",
        modality=elements.word("Modality"),
        manufacturer=elements.word("Manufacturer"),
        frame_of_reference_uid=elements.word("FrameOfReferenceUID"),
        images_in_acquisition=elements.whole("ImagesInAcquisition"),
    )
    kept: SeriesFacts = seen.setdefault(facts, facts)
    return kept


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
        pixel_spacing_mm=pair(elements.numbers("PixelSpacing")),
        orientation=cosines(elements.numbers("ImageOrientationPatient")),
        position_lps_mm=vector(elements.numbers("ImagePositionPatient")),
        times=instance_times(elements),
        temporal_position=elements.whole("TemporalPositionIdentifier"),
        acquisition_number=elements.whole("AcquisitionNumber"),
        instance_number=elements.whole("InstanceNumber"),
    )


def classic_physics(elements: Elements, seen: dict[Any, Any]) -> Physics:
    """Return how the image was acquired, one object for equal facts."""
    image_type = tuple(word.upper() for word in elements.words("ImageType"))
    description = normalise(elements.text("SeriesDescription")[0])
    field = elements.number("MagneticFieldStrength")
    facts = Physics(
        image_type=image_type,
        scanning_sequence=tuple(word for word in elements.words("ScanningSequence") if word),
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
        directionality=_directionality(elements, image_type),
        agent=elements.text("ContrastBolusAgent")[0],
        contrast_start=elements.word("ContrastBolusStartTime"),
        lossy=elements.word("LossyImageCompression") == "01",
        burned_in=elements.word("BurnedInAnnotation") == "YES",
        body_part=elements.word("BodyPartExamined").upper(),
        mosaic=bool({"VFRAME", "MOSAIC"} & set(image_type)),
    )
    kept: Physics = seen.setdefault(facts, facts)
    return kept


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


def pair(numbers: tuple[float, ...]) -> tuple[float, float] | None:
    """Return two positive numbers, or None."""
    return (numbers[0], numbers[1]) if len(numbers) == 2 and min(numbers) > 0 else None


def vector(numbers: tuple[float, ...]) -> Vector | None:
    """Return three numbers, or None."""
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


def cosines(numbers: tuple[float, ...]) -> tuple[float, ...] | None:
    """Return six direction cosines, or None where there are not six or they span no plane."""
    return numbers if len(numbers) == 6 and any(numbers[:3]) and any(numbers[3:]) else None


def _directionality(elements: Elements, image_type: tuple[str, ...]) -> str:
    said = elements.word("DiffusionDirectionality")
    if said:
        return said
    if {"TRACEW", "TRACE", "ISO", "ISOTROPIC"} & set(image_type):
        return "ISOTROPIC"
    gradient = elements.numbers("DiffusionGradientOrientation")
    return "DIRECTIONAL" if len(gradient) == 3 and any(gradient) else ""
