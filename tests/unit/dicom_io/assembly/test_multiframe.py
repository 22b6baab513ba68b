from datetime import date, datetime

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import LegacyConvertedEnhancedMRImageStorage

from dicom_io.assembly import assemble, scan_folder
from pipeline.errors import UnsuitableStudyError
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.enhanced import group, item, write_enhanced
from tests.unit.dicom_io.assembly.header_studies import SLICES, T1, StudyWriter, standard

DYNAMIC = ("T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY")


def test_match_when_phases_share_one_enhanced_object_then_frame_numbers_tell_them_apart(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=DYNAMIC)
    write_enhanced(writer, "t1_vibe_dyn", [0, 125, 165, 300, 1300])
    result = match()
    assert result.code is None
    assert result.clock_source == "FrameAcquisitionDateTime"
    arterial = result.roles[Role.T1_ARTERIAL]
    assert len(arterial.instances) == 1
    # The second phase, from the last of its frames, which is the lowest, to the first.
    assert arterial.frame_numbers == tuple(range(2 * SLICES, SLICES, -1))


@pytest.mark.parametrize(
    "kinds",
    [("W", "F", "IP", "OP"), ("WATER", "FAT", "IN_PHASE", "OUT_OF_PHASE")],
    ids=["before R12", "R12"],
)
def test_match_when_philips_enhanced_holds_dixon_types_then_water_is_taken(
    writer: StudyWriter, match: Match, kinds: tuple[str, ...]
) -> None:
    writer.vendor = "Philips Medical Systems"
    standard(writer, without=DYNAMIC)
    frame_types = [("DERIVED", "PRIMARY", "T1", kind) for kind in kinds]
    write_enhanced(writer, "mDIXON dyn", [0, 125, 165, 300, 1300], frame_types=frame_types)
    result = match()
    assert result.code is None
    assert result.roles[Role.T1_PRE].frame_numbers == tuple(range(SLICES, 0, -1))
    assert {entry.code for entry in result.rejected if "dyn" in entry.series_description} == {
        "DIXON",
        "TRANSITIONAL",
    }


def test_assemble_when_a_phase_is_part_of_an_enhanced_object_then_its_frames_are_read(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=DYNAMIC)
    write_enhanced(writer, "t1_vibe_dyn", [0, 125, 165, 1300], slopes=[1.0, 1.25])
    study = assemble(match(), clinical={})
    array = study.volumes[Role.T1_ARTERIAL].array
    # Frame n holds a ramp that starts at n; slice k is frame 2 SLICES - k, and odd slices have a slope of 1.25.
    expected = [(2 * SLICES - 1 - k) * (1.25 if k % 2 else 1) for k in range(SLICES)]
    np.testing.assert_array_equal(array[:, 0, 0], expected)


def test_assemble_when_the_last_frames_were_acquired_after_midnight_then_they_date_the_examination(
    writer: StudyWriter, match: Match
) -> None:
    writer.start = datetime(2024, 3, 5, 23, 50)  # noqa: DTZ001 - DICOM times are local
    standard(writer, without=DYNAMIC)
    write_enhanced(writer, "t1_vibe_dyn", [0, 125, 165, 1300])
    assert assemble(match(), clinical={}).examined_on == date(2024, 3, 6)


def test_match_when_an_enhanced_object_is_whole_and_in_order_then_frame_numbers_are_null(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 portal", T1, 165, ContrastBolusAgent="Primovist")
    assert all(choice.frame_numbers is None for choice in match().roles.values())


def test_match_when_philips_says_the_dixon_type_only_in_its_own_sequence_then_water_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=DYNAMIC)
    path = write_enhanced(
        writer, "mDIXON dyn", [0, 125, 165, 1300], frame_types=[("DERIVED", "PRIMARY", "T1", "NONE")] * 2
    )
    ds = dcmread(path)
    for number, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        # The two images of each phase follow one another, SLICES frames each.
        add_philips_frame(frame, ImageType=["DERIVED", "PRIMARY", "WF"[number // SLICES % 2]])
    ds.save_as(path)
    result = match()
    assert result.code is None
    assert result.roles[Role.T1_PRE].frame_numbers == tuple(range(SLICES, 0, -1))


def test_assemble_when_philips_scales_each_frame_then_values_are_comparable(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=DYNAMIC)
    path = write_enhanced(writer, "t1_vibe_dyn", [0, 125, 165, 1300], slopes=[4.0])
    ds = dcmread(path)
    for frame in ds.PerFrameFunctionalGroupsSequence:
        add_philips_frame(frame, scale_slope=0.5)
    ds.save_as(path)
    array = assemble(match(), clinical={}).volumes[Role.T1_PRE].array
    # (SV RS + RI) / (RS SS) of the first pixel of frame n, which holds n.
    np.testing.assert_allclose(array[:, 0, 0], [(SLICES - 1 - k) * 4 / (4 * 0.5) for k in range(SLICES)])


def test_assemble_when_only_some_frames_have_the_scale_slope_then_it_refuses(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=DYNAMIC)
    path = write_enhanced(writer, "t1_vibe_dyn", [0, 125, 165, 1300])
    ds = dcmread(path)
    add_philips_frame(ds.PerFrameFunctionalGroupsSequence[3], scale_slope=0.5)
    ds.save_as(path)
    with pytest.raises(UnsuitableStudyError, match="SM-PIXEL"):
        assemble(match(), clinical={})


def add_philips_frame(frame: Dataset, *, scale_slope: float | None = None, **elements: object) -> None:
    """Give a frame the private functional group of Philips."""
    classic = item(**elements)
    if scale_slope is not None:
        classic.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", scale_slope)
    block = frame.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    block.add_new(0x0F, "SQ", Items([classic]))


def test_scan_when_a_classic_series_was_converted_then_its_unassigned_elements_are_read(
    writer: StudyWriter,
) -> None:
    path = write_enhanced(writer, "t2_tse_fs", [0])
    ds = dcmread(path)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = LegacyConvertedEnhancedMRImageStorage
    del ds.EchoPulseSequence
    shared = item(ScanningSequence="SE", EchoTrainLength=16, ScanOptions="FS", AcquisitionDate="20240305")
    ds.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence = Items([shared])
    for number, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        own = item(AcquisitionTime=f"1000{number:02d}")
        frame.UnassignedPerFrameConvertedAttributesSequence = Items([own])
    ds.save_as(path)
    frames = scan_folder(writer.folder).frames
    assert {frame.physics.scanning_sequence for frame in frames} == {("SE",)}
    starts = [frame.times.acquisition_s or 0 for frame in frames]
    assert [start - starts[0] for start in starts] == list(range(SLICES))


def test_scan_when_the_b_value_of_canon_became_a_frame_comment_then_it_is_read(writer: StudyWriter) -> None:
    path = write_enhanced(writer, "AX DWI", [0, 1])
    ds = dcmread(path)
    ds.EchoPulseSequence, ds.EchoPlanarPulseSequence = "SPIN", "YES"
    for frame in ds.PerFrameFunctionalGroupsSequence[SLICES:]:
        frame.FrameContentSequence[0].FrameComments = "b=800(0.600,0.000,0.800)"
    ds.save_as(path)
    physics = [frame.physics for frame in scan_folder(writer.folder).frames]
    assert [item.b_value_s_per_mm2 for item in physics] == [None] * SLICES + [800] * SLICES
    assert physics[-1].gradient == (0.6, 0.0, 0.8)


@pytest.mark.parametrize(("meaning", "other"), [("Brain", True), ("Abdomen", False)])
def test_match_when_frame_anatomy_alone_names_the_part_of_the_body_then_another_one_is_rejected(
    writer: StudyWriter, match: Match, meaning: str, *, other: bool
) -> None:
    path = write_enhanced(writer, "Ax T1", [0])
    ds = dcmread(path)
    region = group(CodeValue="1", CodingSchemeDesignator="99TEST", CodeMeaning=meaning)
    ds.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = group(AnatomicRegionSequence=region)
    ds.save_as(path)
    found = [entry.code for entry in match().rejected]
    assert ("BODY-PART" in found) is other
