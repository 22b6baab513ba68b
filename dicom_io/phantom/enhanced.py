"""One series as Enhanced MR Image Storage (PS3.3 A.36): all its volumes in one object, or one object a volume."""

from collections.abc import Iterator, Sequence

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage

from dicom_io.phantom.classic import Destination, WrittenFrame, slices_of
from dicom_io.phantom.common import stored, write_pixel_format
from dicom_io.phantom.dialect import MultiFrame, Slice, date_time_text, later, write_times
from dicom_io.phantom.functional_groups import (
    describe_agent,
    fat_suppression,
    frame_groups,
    image_words,
    item,
    shared_groups,
    volume_groups,
)
from dicom_io.phantom.plan import Part, Quirk, SeriesKind, SeriesPlan, Technique

RECONSTRUCTION_S = 5.0
"""From the acquisition to the time of the content."""

PER_FRAME = 0x52009230
"""Per-Frame Functional Groups Sequence."""

_ECHOES = {
    Technique.SPOILED_3D: "GRADIENT",
    Technique.SPOILED_2D: "GRADIENT",
    Technique.BALANCED: "GRADIENT",
    Technique.TSE: "SPIN",
    Technique.SINGLE_SHOT: "SPIN",
    Technique.ECHO_PLANAR: "SPIN",
}
_DIMENSIONS = ("StackID", "InStackPositionNumber", "TemporalPositionIndex")


def write_enhanced(plan: SeriesPlan, to: Destination, style: MultiFrame) -> list[WrittenFrame]:
    """Write the objects of a series."""
    images = list(slices_of(plan, to))
    written: list[WrittenFrame] = []
    for number, group in enumerate(_objects(images, to), start=1):
        written += _write_object(plan, group, number, to, style)
    return written


def _objects(images: Sequence[Slice], to: Destination) -> list[list[Slice]]:
    """Split frames into objects; the planes of a localizer never share one."""
    apart = Quirk.OBJECT_PER_PART in to.study.quirks
    groups: dict[object, list[Slice]] = {}
    for image in images:
        own = apart or image.plan.kind is SeriesKind.LOCALIZER
        groups.setdefault(image.plan.parts.index(image.part) if own else 0, []).append(image)
    return list(groups.values())


def _write_object(
    plan: SeriesPlan, images: Sequence[Slice], number: int, to: Destination, style: MultiFrame
) -> list[WrittenFrame]:
    shared = to.shared(plan)
    ds = Dataset()
    ds.SOPClassUID = EnhancedMRImageStorage
    ds.SOPInstanceUID = to.identity.uid("instance", *plan.uid_parts, f"object {number}")
    ds.InstanceNumber = number
    _write_sequence(ds, plan, to, {style.frame_type(image) for image in images})
    _write_clock(ds, images[0], to)
    _write_dimensions(ds, to)
    grid = images[0].part.volume.grid
    write_pixel_format(ds, (grid.shape[1], grid.shape[2]), signed=False)
    ds.NumberOfFrames = len(images)
    ds.BurnedInAnnotation, ds.PresentationLUTShape = "NO", "IDENTITY"
    if "LossyImageCompression" not in shared:
        ds.LossyImageCompression = "00"
    ds.SharedFunctionalGroupsSequence = [shared_groups(plan, to.dialect, to.field_strength_t)]
    style.write_object(ds, plan)
    describe_agent(shared, shared)
    path = to.subfolder(plan) / f"i{number:04d}{plan.key}.dcm"
    pixels = b"".join(stored(image.part.volume.array[image.k], signed=False) for image in images)
    elements = to.encoder.encode(shared) | to.encoder.encode(ds)
    elements[PER_FRAME] = to.encoder.sequence(PER_FRAME, _frames(plan, images, to, style))
    to.encoder.write(path, elements, pixels)
    uids = (shared.StudyInstanceUID, shared.SeriesInstanceUID, ds.SOPInstanceUID)
    return [
        WrittenFrame(path, *uids, frame, image.k, image.part.role) for frame, image in enumerate(images, start=1)
    ]


def _frames(
    plan: SeriesPlan, images: Sequence[Slice], to: Destination, style: MultiFrame
) -> Iterator[dict[int, bytes]]:
    """Yield the per-frame functional groups, encoded; those of a volume once."""
    kinds = _kinds(plan)
    volumes: dict[Part, dict[int, bytes]] = {}
    for image in images:
        if image.part not in volumes:
            groups = volume_groups(image, to.dialect, style, to.study.agent)
            volumes[image.part] = to.encoder.encode(groups)
        own = frame_groups(image, style, [1, image.k + 1, image.phase, kinds[image.part]])
        yield volumes[image.part] | to.encoder.encode(own)


def _kinds(plan: SeriesPlan) -> dict[Part, int]:
    """Number what tells the volumes of one temporal position apart: Dixon type, b-value, direction."""
    known: dict[object, int] = {}
    return {
        part: known.setdefault(
            (part.dixon, part.b_s_per_mm2, part.gradient, part.making, part.te_ms), len(known) + 1
        )
        for part in plan.parts
    }


def _write_sequence(ds: Dataset, plan: SeriesPlan, to: Destination, image_types: set[tuple[str, ...]]) -> None:
    """Add the MR pulse sequence module, which belongs to what was acquired (PS3.3 C.8.13.4)."""
    image_type = _object_type(image_types)
    ds.ImageType = list(image_type)
    for keyword, value in image_words(image_type).items():
        setattr(ds, keyword, value)
    ds.ContentQualification = "PRODUCT"
    ds.AcquisitionContextSequence = []
    ds.DeviceSerialNumber = "000000"
    ds.ResonantNucleus, ds.KSpaceFiltering, ds.ApplicableSafetyStandardAgency = "1H", "NONE", "IEC"
    if image_type[0] == "DERIVED":
        return
    technique, words = plan.parameters.technique, to.dialect.words[plan.parameters.technique]
    ds.MRAcquisitionType, ds.PulseSequenceName = words.dimensions, words.name
    ds.EchoPulseSequence = _ECHOES[technique]
    if ds.EchoPulseSequence == "SPIN":
        ds.MultipleSpinEcho = "NO" if technique is Technique.ECHO_PLANAR else "YES"
    ds.MultiPlanarExcitation = ds.PhaseContrast = ds.TimeOfFlightContrast = "NO"
    ds.SteadyStatePulseSequence = "LONGITUDINAL" if technique is Technique.BALANCED else "NONE"
    ds.EchoPlanarPulseSequence = "YES" if technique is Technique.ECHO_PLANAR else "NO"
    ds.SaturationRecovery = "NO"
    ds.SpectrallySelectedSuppression = fat_suppression(plan, to.dialect)
    ds.OversamplingPhase = "NONE"
    ds.GeometryOfKSpaceTraversal = "RECTILINEAR"
    ds.RectilinearPhaseEncodeReordering = "LINEAR"
    ds.SegmentedKSpaceTraversal = "PARTIAL"
    if words.dimensions == "3D":
        ds.CoverageOfKSpace = "FULL"
    ds.NumberOfKSpaceTrajectories = 1
    ds.CardiacSynchronizationTechnique = ds.RespiratoryMotionCompensationTechnique = "NONE"


def _object_type(image_types: set[tuple[str, ...]]) -> tuple[str, ...]:
    """Return Image Type: the value that all frames share, else MIXED (PS3.3 C.8.16.1)."""
    return tuple(
        values.pop() if len(values := set(column)) == 1 else "MIXED" for column in zip(*image_types, strict=True)
    )


def _write_clock(ds: Dataset, image: Slice, to: Destination) -> None:
    ds.AcquisitionNumber = 1
    ds.AcquisitionDateTime = date_time_text(image.acquired_at)
    ds.AcquisitionDuration = 17.0
    series, content = image.series_at, later(image.acquired_at, RECONSTRUCTION_S)
    write_times(
        ds,
        series=later(series, RECONSTRUCTION_S),
        acquisition=image.acquired_at,
        content=content,
        decimals=6,
    )
    # Enhanced objects give the acquisition as one DT value (PS3.3 C.8.13.1).
    del ds.AcquisitionDate, ds.AcquisitionTime
    if to.study.patient_position:
        ds.PatientPosition = to.study.patient_position


def _write_dimensions(ds: Dataset, to: Destination) -> None:
    organization = to.identity.uid("dimensions")
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organization)]
    group = tag_for_keyword("FrameContentSequence")
    pointers = [(tag_for_keyword(keyword), group) for keyword in _DIMENSIONS]
    pointers.append((tag_for_keyword("FrameType"), tag_for_keyword("MRImageFrameTypeSequence")))
    ds.DimensionIndexSequence = [
        item(
            DimensionIndexPointer=Tag(pointer or 0),
            FunctionalGroupPointer=Tag(functional_group or 0),
            DimensionOrganizationUID=organization,
        )
        for pointer, functional_group in pointers
    ]
