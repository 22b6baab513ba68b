"""Images that come again under other UIDs: each counts once; what only looks alike counts as it is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import RLELossless, generate_uid

from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    GADOXETATE,
    SLICES,
    T1,
    StudyWriter,
    chosen,
    codes,
    standard,
)

Change = Callable[[Dataset], None]


def send_again(writer: StudyWriter, series: str | None, change: Change, *, slices: int = SLICES) -> None:
    """Write the images of a series, or of all, again: under a new SOP Instance UID, and changed."""
    paths = [
        path
        for path in sorted(writer.folder.glob("*.dcm"))
        if series in (None, str(dcmread(path).SeriesInstanceUID))
    ]
    for path in paths[: None if series is None else slices]:
        ds = dcmread(path)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        change(ds)
        writer.save(ds)


class OtherSeries:
    """Gives each series another UID, number and description, as coercion does."""

    def __init__(self) -> None:
        self._uids: dict[str, str] = {}

    def __call__(self, ds: Dataset) -> None:
        ds.SeriesInstanceUID = self._uids.setdefault(str(ds.SeriesInstanceUID), generate_uid())
        ds.SeriesNumber = 1000 + int(ds.SeriesNumber)
        ds.SeriesDescription = f"COERCED {ds.SeriesNumber}"


def nothing(_ds: Dataset) -> None:
    pass


@pytest.mark.parametrize("change", [nothing, OtherSeries()], ids=["same series", "other series"])
def test_match_when_the_whole_study_came_again_under_new_uids_then_each_image_counts_once(
    writer: StudyWriter, match: Match, change: Change
) -> None:
    series = standard(writer)
    send_again(writer, None, change)
    result = match()
    assert result.code is None, result.message
    assert chosen(result) == series
    assert all(len(role.instances) == SLICES for role in result.roles.values())
    copies = [entry for entry in result.rejected if entry.code == "DUPLICATE"]
    assert len(copies) == len(Role)
    assert all("pixel for pixel" in entry.because for entry in copies)


def test_match_when_a_copy_was_compressed_on_its_way_then_it_is_still_a_copy(
    writer: StudyWriter, match: Match
) -> None:
    series = standard(writer)
    change = OtherSeries()

    def change_and_compress(ds: Dataset) -> None:
        change(ds)
        ds.compress(RLELossless, generate_instance_uid=False)

    send_again(writer, series["T1_PORTAL"], change_and_compress)
    result = match()
    assert result.code is None
    assert chosen(result) == series


def test_match_when_the_copy_is_complete_and_the_first_is_not_then_the_complete_one_is_taken(
    writer: StudyWriter, match: Match, tmp_path: Path
) -> None:
    series = standard(writer)
    send_again(writer, series["T1_PORTAL"], OtherSeries())
    lost = next(
        path for path in sorted(tmp_path.glob("*.dcm")) if dcmread(path).SeriesInstanceUID == series["T1_PORTAL"]
    )
    lost.unlink()
    result = match()
    assert result.code is None
    assert len(result.roles[Role.T1_PORTAL].instances) == SLICES
    assert codes(result)[series["T1_PORTAL"]] == {"DUPLICATE"}


def test_match_when_a_series_holds_one_image_twice_then_it_is_counted_once(
    writer: StudyWriter, match: Match
) -> None:
    series = standard(writer)
    send_again(writer, series["T1_HEPATOBILIARY"], nothing, slices=1)
    result = match()
    assert result.code is None
    assert len(result.roles[Role.T1_HEPATOBILIARY].instances) == SLICES
    assert codes(result)[series["T1_HEPATOBILIARY"]] == {"DUPLICATE"}


def test_match_when_images_share_all_but_their_pixels_then_none_is_left_out(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T1_PORTAL",))
    series = writer.series("Ax T1 portal", T1, 165, phases=[{}, {}], **GADOXETATE)
    result = match()
    assert "DUPLICATE" not in {entry.code for entry in result.rejected}
    stacks = [entry for entry in result.rejected if entry.series_instance_uid == series]
    assert len(stacks) + (Role.T1_PORTAL in result.roles) == 2
    assert result.code is not None


def test_match_when_a_copy_bears_another_patient_then_the_study_is_refused_as_before(
    writer: StudyWriter, match: Match
) -> None:
    series, uid = standard(writer), generate_uid()

    def change(ds: Dataset) -> None:
        ds.SeriesInstanceUID, ds.PatientID = uid, "ANOTHER"

    send_again(writer, series["T2"], change)
    assert match().code == "SM-PATIENT"
