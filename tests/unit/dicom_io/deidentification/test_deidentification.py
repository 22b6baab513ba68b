import shutil
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from config.series_rules import load_series_rules
from dicom_io.assembly.matching import match_studies
from dicom_io.assembly.scanning import scan_files
from dicom_io.deidentification import files
from dicom_io.deidentification.descriptions import Descriptions
from dicom_io.deidentification.files import LeakError, deidentify_files
from dicom_io.deidentification.secrets import Pseudonyms
from dicom_io.phantom.miniature import miniature
from dicom_io.phantom_series import settings_for, write_phantom_study
from pipeline.phantom import PhantomCase, make_case
from tests.unit.dicom_io.deidentification.canary import TEXTS, say_everything

RULES = load_series_rules()


@pytest.fixture(scope="module")
def case() -> PhantomCase:
    return miniature(make_case(5, settings=settings_for("standard")))


def write(case: PhantomCase, folder: Path, vendor: str) -> list[Path]:
    write_phantom_study(case, folder, vendor=vendor)
    return sorted(path for path in (folder / "dicom").rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def study(case: PhantomCase, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write(case, tmp_path_factory.mktemp("study"), "ge")


def tell(study: list[Path], folder: Path) -> tuple[list[Path], frozenset[str]]:
    """Return the study with the patient said everywhere, and all its UIDs."""
    copies = [Path(shutil.copy(path, folder / f"{number}")) for number, path in enumerate(study)]
    return copies, frozenset().union(*(say_everything(path) for path in copies))


def export(paths: list[Path], out: Path) -> list[Path]:
    out.mkdir()
    return list(deidentify_files(paths, out, RULES, Pseudonyms(b"key")).written)


@pytest.mark.parametrize("vendor", ["ge", "siemens", "philips-enhanced"])
def test_files_when_the_patient_is_told_everywhere_then_no_byte_of_it_is_exported_and_all_else_is(
    case: PhantomCase, tmp_path: Path, vendor: str
) -> None:
    paths, uids = tell(write(case, tmp_path / "study", vendor), tmp_path)
    written = export(paths, tmp_path / "out")
    assert len(written) == len(paths)
    for text in TEXTS:
        assert any(text.encode() in path.read_bytes() for path in paths)
    assert len(uids) > len(paths)
    for before, after in zip(paths, written, strict=True):
        content = after.read_bytes()
        assert not [text for text in TEXTS if text.encode() in content or text.lower().encode() in content]
        assert not [uid for uid in uids if uid.encode() in content]
        assert dcmread(before).PixelData == dcmread(after).PixelData
    (one,), (other,) = (match_studies(scan_files(found), RULES) for found in (paths, written))
    assert (other.status, other.code) == (one.status, one.code) == ("accepted", None)
    assert {role: len(chosen.instances) for role, chosen in other.roles.items()} == {
        role: len(chosen.instances) for role, chosen in one.roles.items()
    }


def test_files_when_exported_then_say_how_and_uids_and_intervals_are_consistent(
    study: list[Path], tmp_path: Path
) -> None:
    before = [dcmread(path, stop_before_pixels=True) for path in study]
    after = [dcmread(path, stop_before_pixels=True) for path in export(study, tmp_path / "out")]
    for attribute in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({ds[attribute].value for ds in before}) == len({ds[attribute].value for ds in after})
        pairs = {(one[attribute].value, other[attribute].value) for one, other in zip(before, after, strict=True)}
        assert len(pairs) == len({ds[attribute].value for ds in before})
    assert [one - other for one, other in pairwise(acquired(before))] == [
        one - other for one, other in pairwise(acquired(after))
    ]
    assert (acquired(before)[0] - acquired(after)[0]).days >= 365
    ds = after[0]
    assert (ds.PatientIdentityRemoved, ds.LongitudinalTemporalInformationModified) == ("YES", "MODIFIED")
    assert [item.CodeValue for item in ds.DeidentificationMethodCodeSequence] == [
        "113100",
        "113105",
        "113107",
        "113111",
    ]
    assert str(ds.PatientName) == ds.PatientID != before[0].PatientID


def acquired(headers: Sequence[Dataset]) -> list[datetime]:
    return [datetime.strptime(f"{ds.StudyDate}{ds.StudyTime[:6]}", "%Y%m%d%H%M%S") for ds in headers]  # noqa: DTZ007


def test_files_when_something_would_be_left_then_nothing_is_written(
    study: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, _ = tell(study[:3], tmp_path)
    monkeypatch.setattr(files, "person_words", lambda _: frozenset())
    monkeypatch.setattr(Descriptions, "clean", lambda _self, text, _names=(): text)
    (tmp_path / "out").mkdir()
    with pytest.raises(LeakError) as caught:
        deidentify_files(paths, tmp_path / "out", RULES, Pseudonyms())
    assert not any(text in str(caught.value) for text in TEXTS)
    assert list((tmp_path / "out").iterdir()) == []


def test_files_when_an_image_is_damaged_or_has_text_in_its_pixels_then_it_is_left_out(
    study: list[Path], tmp_path: Path
) -> None:
    burned = dcmread(study[0])
    burned.BurnedInAnnotation = "YES"
    burned.save_as(tmp_path / "burned")
    (tmp_path / "damaged").write_bytes(b"no DICOM")
    (tmp_path / "out").mkdir()
    paths = [tmp_path / "burned", tmp_path / "damaged", study[1]]
    done = deidentify_files(paths, tmp_path / "out", RULES, Pseudonyms())
    assert [number for number, _ in done.left_out] == [1, 2]
    assert [path.name for path in done.written] == ["000003.dcm"]


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("t1_vibe_fs_tra_art 20s", (), "t1_vibe_fs_tra_art 20s"),
        ("Ax LAVA Mueller 1970", (), "Ax LAVA X X"),
        ("t2 art", ("art",), "t2 X"),
        ("\u52a8\u8109\u671f \u738b", (), "\u52a8\u8109\u671f X"),
        ("M\u00fcller b800", (), "X b800"),
        ("", (), ""),
    ],
)
def test_description_when_cleaned_then_only_words_of_protocols_stay(
    text: str, names: tuple[str, ...], expected: str
) -> None:
    assert Descriptions(RULES).clean(text, names) == expected


def test_pseudonyms_when_of_one_export_then_agree_and_of_two_then_differ() -> None:
    one, other = Pseudonyms(), Pseudonyms()
    assert one.uid("1.2.3") == one.uid("1.2.3") != other.uid("1.2.3")
    assert one.uid("1.2.840.10008.1.2") == "1.2.840.10008.1.2"
    assert one.patient_id("7") == one.patient_id("7") != one.patient_id("8")
    assert one.date("20260301120000.5")[8:] == "120000.5"
    assert one.date("nonsense") == one.date("") == ""
