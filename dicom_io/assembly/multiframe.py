"""Headers to facts: Enhanced and Legacy Converted Enhanced MR, one record a frame (PS3.3 A.36, C.7.6.16)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dicom_io.assembly.dialects import dixon_type, image_words
from dicom_io.assembly.diffusion import comment_b_value, comment_gradient, gradient
from dicom_io.assembly.elements import Elements
from dicom_io.assembly.facts import FrameFacts, Physics, Times
from dicom_io.assembly.headers import (
    classic_physics,
    cosines,
    instance_times,
    pixel_spacing,
    readings,
    series_facts,
    source_instance,
    vector,
)
from dicom_io.assembly.instants import date_time_s

LONGEST_FRAME_MS = 120_000.0
"""A longer Frame Acquisition Duration is in microseconds, as Siemens XA10 writes it, and is not used."""

MAXIMUM_FRAMES = 20_000
"""No MR object of one examination has more; a header that claims so is not believed."""


class FrameGroups:
    """Functional groups of one frame: its own item first, then the shared one."""

    def __init__(self, own: Elements | None, shared: Elements | None) -> None:
        self._items = [item for item in (own, shared) if item is not None]

    def macro(self, keyword: str) -> Elements | None:
        """Return the first item of the functional group `keyword`, or None."""
        return next((found[0] for item in self._items if (found := item.items(keyword))), None)

    def private_items(self, creator: str, element: int) -> list[Elements]:
        """Return the items of a private functional group; Philips keeps the classic elements of a frame in one."""
        return next((found for item in self._items if (found := item.private_items(creator, element))), [])

    def number(self, macro: str, keyword: str) -> float | None:
        """Return a number from a functional group, or None."""
        item = self.macro(macro)
        return None if item is None else item.number(keyword)

    def numbers(self, macro: str, keyword: str) -> tuple[float, ...]:
        """Return numbers from a functional group."""
        item = self.macro(macro)
        return () if item is None else item.numbers(keyword)

    def word(self, macro: str, keyword: str) -> str:
        """Return a word from a functional group, or an empty one."""
        item = self.macro(macro)
        return "" if item is None else item.word(keyword)


def frames(elements: Elements, path: Path, seen: dict[Any, Any]) -> Iterator[FrameFacts]:
    """Yield the facts of each frame of a multi-frame instance.

    Parameters
    ----------
    elements
        Of the whole data set.
    path
        Where it lies.
    seen
        Shared objects of this scan.
    """
    instance, series = source_instance(elements, path), series_facts(elements, seen)
    shared = next(iter(elements.items("SharedFunctionalGroupsSequence")), None)
    own = elements.items("PerFrameFunctionalGroupsSequence")
    count = len(own) or min(elements.whole("NumberOfFrames") or 1, MAXIMUM_FRAMES)
    rows, columns = elements.whole("Rows") or 0, elements.whole("Columns") or 0
    comments = readings(elements, "ImageComments")
    for index in range(count):
        groups = FrameGroups(own[index] if index < len(own) else None, shared)
        view = _converted(elements, groups)
        if view is not elements or index == 0:
            base, times = classic_physics(view, seen), instance_times(view)
        physics = _physics(base, groups, view)
        yield FrameFacts(
            instance=instance,
            frame_number=index + 1,
            frame_count=count,
            series=series,
            physics=seen.setdefault(physics, physics),
            rows=rows,
            columns=columns,
            pixel_spacing_mm=pixel_spacing(groups.numbers("PixelMeasuresSequence", "PixelSpacing")),
            orientation=cosines(groups.numbers("PlaneOrientationSequence", "ImageOrientationPatient")),
            position_lps_mm=vector(groups.numbers("PlanePositionSequence", "ImagePositionPatient")),
            times=_times(times, groups),
            temporal_position=_whole(groups.number("FrameContentSequence", "TemporalPositionIndex")),
            acquisition_number=_whole(groups.number("FrameContentSequence", "FrameAcquisitionNumber")),
            instance_number=index + 1,
            comments=" | ".join(filter(None, (comments, groups.word("FrameContentSequence", "FrameComments")))),
        )


def _converted(elements: Elements, groups: FrameGroups) -> Elements:
    """Return the data set with what Legacy Converted objects keep of the classic images (PS3.3 C.7.6.16.2.25.1).

    Conversion leaves what has no functional group of its own, as Scanning Sequence, Acquisition Time and every
    private element, in sequences of unassigned attributes.
    """
    items = [
        item
        for name in (
            "UnassignedPerFrameConvertedAttributesSequence",
            "UnassignedSharedConvertedAttributesSequence",
        )
        if (item := groups.macro(name)) is not None
    ]
    return elements.over(*items) if items else elements


def _physics(base: Physics, groups: FrameGroups, elements: Elements) -> Physics:
    frame_type = groups.macro("MRImageFrameTypeSequence")
    image_type = _frame_type(base, groups, frame_type)
    component = groups.word("MRImageFrameTypeSequence", "ComplexImageComponent")
    timing = "MRTimingAndRelatedParametersSequence"
    suppression = groups.word("MRModifierSequence", "SpectrallySelectedSuppression")
    gradient_echo_train = groups.number(timing, "GradientEchoTrainLength")
    rf_echo_train = groups.number(timing, "RFEchoTrainLength")
    return replace(
        base,
        image_type=image_type,
        scanning_sequence=_scanning_sequence(elements) or base.scanning_sequence,
        repetition_time_ms=groups.number(timing, "RepetitionTime") or base.repetition_time_ms,
        echo_time_ms=groups.number("MREchoSequence", "EffectiveEchoTime") or base.echo_time_ms,
        echo_train_length=rf_echo_train or gradient_echo_train or groups.number(timing, "EchoTrainLength"),
        flip_angle_deg=groups.number(timing, "FlipAngle") or base.flip_angle_deg,
        slice_thickness_mm=groups.number("PixelMeasuresSequence", "SliceThickness") or base.slice_thickness_mm,
        fat_suppressed=suppression in ("FAT", "FAT_AND_WATER") if suppression else base.fat_suppressed,
        dixon=dixon_type(image_type) or base.dixon,
        component="MAGNITUDE" if component in ("", "MIXED") else component,
        b_value_s_per_mm2=_b_value(base, groups, image_type, planar="EP" in _scanning_sequence(elements)),
        directionality=groups.word("MRDiffusionSequence", "DiffusionDirectionality") or base.directionality,
        gradient=_gradient(groups) or base.gradient,
        agent_phase=_agent_phase(groups),
        body_part=base.body_part or _region(groups),
    )


def _region(groups: FrameGroups) -> str:
    """Return what Frame Anatomy calls the part of the body (PS3.3 C.7.6.16.2.8); empty where it does not."""
    anatomy = groups.macro("FrameAnatomySequence")
    regions = anatomy.items("AnatomicRegionSequence") if anatomy is not None else []
    return regions[0].word("CodeMeaning").upper() if regions else ""


def _scanning_sequence(elements: Elements) -> tuple[str, ...]:
    """Return the classic words for what Enhanced MR says with Echo Pulse Sequence and its flags (C.8.13.4)."""
    echo = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}.get(elements.word("EchoPulseSequence"), ())
    planar = elements.word("EchoPlanarPulseSequence") == "YES"
    return ("EP", *echo) if planar else echo


def _frame_type(base: Physics, groups: FrameGroups, stated: Elements | None) -> tuple[str, ...]:
    """Return Frame Type, with the Image Type of the classic image that Philips keeps beside it."""
    words = image_words(stated.words("FrameType"), stated) if stated is not None else base.image_type
    for item in groups.private_items("Philips MR Imaging DD 005", 0x0F):
        classic = image_words((), item) or ()
        words = (*words, *(word.upper() for word in (*item.words("ImageType")[2:], *classic) if word not in words))
    return words


def _b_value(base: Physics, groups: FrameGroups, image_type: tuple[str, ...], *, planar: bool) -> float | None:
    found = groups.number("MRDiffusionSequence", "DiffusionBValue")
    if found is None:
        # A conversion turns Image Comments, where Canon keeps it, into Frame Comments (C.7.6.16.2.2).
        found = base.b_value_s_per_mm2
        return found or comment_b_value(groups.word("FrameContentSequence", "FrameComments")) or found
    # A zero says something only of a diffusion sequence: Philips writes it into every frame.
    return float(round(found)) if found > 0 or planar or "DIFFUSION" in image_type else None


def _gradient(groups: FrameGroups) -> tuple[float, ...]:
    diffusion = groups.macro("MRDiffusionSequence")
    directions = diffusion.items("DiffusionGradientDirectionSequence") if diffusion is not None else []
    if directions:
        return gradient(directions[0])
    return comment_gradient(groups.word("FrameContentSequence", "FrameComments"))


def _agent_phase(groups: FrameGroups) -> str:
    usage = groups.macro("ContrastBolusUsageSequence")
    if usage is None:
        return ""
    # A frame whose agent was not yet administered is before contrast, whatever the phase element says.
    before = usage.word("ContrastBolusAgentAdministered") == "NO"
    return "PRE_CONTRAST" if before else usage.word("ContrastBolusAgentPhase")


def _times(times: Times, groups: FrameGroups) -> Times:
    start = date_time_s(groups.word("FrameContentSequence", "FrameAcquisitionDateTime"))
    duration_ms = groups.number("FrameContentSequence", "FrameAcquisitionDuration") or 0.0
    if duration_ms > LONGEST_FRAME_MS:
        duration_ms = 0.0
    offset_s = groups.number("TemporalPositionSequence", "TemporalPositionTimeOffset")
    return times._replace(
        frame_acquisition_s=None if start is None else start + duration_ms / 2000,
        trigger_s=times.trigger_s if offset_s is None else offset_s,
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
