"""The test matrix of the reference (A10), on headers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from config.series_rules import load_series_rules
from dicom_io.assembly import match_studies, scan_folder
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    DWI,
    DYNAMIC,
    GADOXETATE,
    SLICES,
    T1,
    T2,
    StudyWriter,
    chosen,
    codes,
    standard,
)


def test_match_when_one_series_a_phase_then_every_role_is_right(writer: StudyWriter, match: Match) -> None:
    expected = standard(writer)
    result = match()
    assert result.code is None
    assert chosen(result) == expected
    assert (result.clock_source, result.t0) == ("AcquisitionTime", "estimated")
    assert all(len(choice.instances) == SLICES for choice in result.roles.values())


@pytest.mark.parametrize("drift_ms", [0, 150], ids=["constant", "drifting"])
def test_match_when_ge_packs_four_phases_then_the_trigger_time_splits(
    writer: StudyWriter, match: Match, drift_ms: int
) -> None:
    standard(writer, without=DYNAMIC)
    triggers = [0, 125_000, 165_000, 300_000]
    dynamic = writer.series(
        "Ax LAVA PRE & POST",
        T1,
        0,
        phases=[{}] * 4,
        frame=lambda p, k: {"TriggerTime": triggers[p] + drift_ms * k},
    )
    hbp = writer.series("Ax LAVA HBP", T1, 1300)
    result = match()
    assert result.code is None
    assert result.clock_source == "TriggerTime"
    assert {chosen(result)[role] for role in DYNAMIC} == {dynamic, hbp}
    first = [result.roles[Role(role)].instances[0].path.name for role in DYNAMIC[:3]]
    assert first == sorted(first)


def test_match_when_one_series_holds_phases_without_times_then_it_refuses(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T1_ARTERIAL", "T1_PORTAL"))
    writer.series("Ax LAVA DYN", T1, 125, phases=[{}, {}], **GADOXETATE)
    result = match()
    assert result.code == "SM-NOTIME"


def test_match_when_diffusion_directions_differ_only_in_number_then_the_weak_split_is_refused(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("DWI",))
    writer.series("Ax DWI", DWI, 700, phases=[{"DiffusionBValue": 800}] * 3)
    assert match().code == "SM-SPLIT-WEAK"


@pytest.mark.parametrize("name", ["{}: Ax LAVA-Flex {}", "t1_vibe_dixon_tra_{1}_{0}"], ids=["ge", "siemens"])
def test_match_when_dixon_images_are_own_series_then_only_water_is_taken(
    writer: StudyWriter, match: Match, name: str
) -> None:
    kinds = {"ge": ["WATER", "FAT", "InPhase", "OutPhase"], "siemens": ["W", "F", "in", "opp"]}
    words = kinds["ge"] if "Flex" in name else kinds["siemens"]
    standard(writer, without=DYNAMIC)
    expected = {}
    for role, text, time_s in (
        ("T1_PRE", "pre", 0),
        ("T1_ARTERIAL", "art", 125),
        ("T1_PORTAL", "pv", 165),
        ("T1_HEPATOBILIARY", "hbp", 1300),
    ):
        series = [writer.series(name.format(word, text), T1, time_s) for word in words]
        expected[role] = series[0]
    result = match()
    assert result.code is None
    assert {role: chosen(result)[role] for role in DYNAMIC} == expected
    assert sum("DIXON" in found for found in codes(result).values()) == 12


def test_match_when_philips_packs_dixon_types_and_dynamics_then_water_of_each_phase_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    writer.vendor = "Philips"
    standard(writer, without=DYNAMIC)
    times_ms = [0, 125_000, 165_000, 300_000, 1_300_000]
    phases: list[dict[str, Any]] = [
        {
            "ImageType": ["DERIVED", "PRIMARY", kind, kind, "DERIVED"],
            "TriggerTime": time_ms,
            "TemporalPositionIdentifier": number,
        }
        for kind in ("W", "F", "IP", "OP")
        for number, time_ms in enumerate(times_ms, start=1)
    ]
    dynamic = writer.series("WIP mDIXON", T1, 0, phases=phases)
    result = match()
    assert result.code is None
    assert {chosen(result)[role] for role in DYNAMIC} == {dynamic}
    assert codes(result)[dynamic] == {"DIXON", "TRANSITIONAL"}


def test_match_when_canon_gives_b_only_above_zero_then_the_rest_is_not_taken_for_t2(
    writer: StudyWriter, match: Match
) -> None:
    toshiba_dwi = {**DWI, "ScanningSequence": "SE", "EchoTrainLength": 48, "EchoTime": 80}
    expected = standard(writer, without=("DWI",))
    expected["DWI"] = writer.series("DIFF B800", toshiba_dwi, 700, phases=[{}, {"DiffusionBValue": 800}])
    result = match()
    assert result.code is None
    assert chosen(result) == expected


def test_match_when_two_portal_series_differ_then_it_refuses_as_ambiguous(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    other = writer.series("Ax T1 venous breathing", T1, 185)
    result = match()
    assert result.code == "SM-AMBIG-T1_PORTAL"
    assert "(apart by 1 of the 2 points that [decision] margin asks for)" in result.message
    assert result.roles[Role.T1_PORTAL].runner_up is not None
    (lost,) = [entry.because for entry in result.rejected if entry.series_instance_uid == other]
    assert lost.startswith("series 3 is the portal venous phase: ")


def test_match_when_only_a_transitional_phase_follows_then_it_refuses(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_HEPATOBILIARY",))
    late = writer.series("Ax T1 delay 3 min", T1, 300)
    result = match()
    assert result.code == "SM-NOHBP"
    assert codes(result)[late] == {"TRANSITIONAL"}


@pytest.mark.parametrize("time_s", [-600, 500], ids=["before", "after"])
def test_match_when_t2_and_diffusion_are_before_or_after_contrast_then_both_pass(
    writer: StudyWriter, match: Match, time_s: float
) -> None:
    expected = standard(writer, without=("T2", "DWI"))
    expected["T2"] = writer.series("Ax T2 FS", T2, time_s)
    expected["DWI"] = writer.series("Ax DWI", DWI, time_s + 200, DiffusionBValue=800)
    result = match()
    assert result.code is None
    assert chosen(result) == expected


def test_match_when_diffusion_holds_adc_and_calculated_b_then_the_measured_image_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("DWI",))
    phases: list[dict[str, Any]] = [
        {"DiffusionBValue": 50},
        {"DiffusionBValue": 400},
        {"DiffusionBValue": 800},
        {"DiffusionBValue": 1400, "ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "CALC_BVALUE"]},
        {"ImageType": ["DERIVED", "SECONDARY", "ADC"]},
    ]
    series = writer.series("ep2d_diff_tra", DWI, 700, phases=phases)
    result = match()
    assert result.code is None
    assert codes(result)[series] == {"B-VALUE", "CALCULATED-B", "ADC"}
    assert {item.value for item in result.roles[Role.DWI].evidence if item.tag == "(0018,9087)"} == {"800"}


@pytest.mark.parametrize(
    ("description", "elements", "code"),
    [
        ("SUB Ax T1 arterial", {}, "SUBTRACTION"),
        ("t1_vibe_art_SUB", {}, "SUBTRACTION"),
        ("Ax T1 arterial MIP", {}, "PROJECTION"),
        ("Ax T1 arterial", {"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "PROJECTION"),
        ("Ax T1 arterial", {"ImageType": ["DERIVED", "PRIMARY", "DCE", "PE1"]}, "DERIVED"),
        ("Ax T1 arterial", {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, "COMPONENT"),
        ("Ax T1 map", {}, "MAP"),
        ("SmartPrep", {}, "BOLUS-TRACK"),
        ("Ax FIESTA", {}, "BALANCED"),
        ("Ax T1 arterial", {"BurnedInAnnotation": "YES"}, "BURNED-IN"),
        ("Ax T1 arterial", {"BodyPartExamined": "BRAIN"}, "BODY-PART"),
    ],
)
def test_match_when_a_derived_series_is_present_then_it_is_rejected_with_its_code(
    writer: StudyWriter, match: Match, description: str, elements: dict[str, Any], code: str
) -> None:
    expected = standard(writer)
    extra = writer.series(description, T1, 126, **elements)
    result = match()
    assert result.code is None
    assert chosen(result) == expected
    assert codes(result)[extra] == {code}


def test_match_when_words_only_look_like_codes_then_nothing_is_rejected(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_PRE",))
    series = writer.series("Ax T1 pre subject start party", T1, 0)
    assert chosen(match())["T1_PRE"] == series


def test_match_when_only_a_derived_diffusion_image_is_there_then_it_is_no_diffusion(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("DWI",))
    image_type = ["DERIVED", "PRIMARY", "OTHER"]
    derived = writer.series("Ax DWI", DWI, 700, DiffusionBValue=800, ImageType=image_type)
    result = match()
    assert result.code == "SM-MISSING-DWI"
    assert codes(result)[derived] == {"DERIVED"}


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_match_when_chinese_is_undeclared_then_the_phases_are_read(
    writer: StudyWriter, match: Match, encoding: str
) -> None:
    standard(writer, without=DYNAMIC)

    def describe(text: str) -> Callable[[Dataset, int, int], None]:
        def edit(ds: Dataset, phase: int, k: int) -> None:
            ds["SeriesDescription"].VR = "UN"
            ds["SeriesDescription"].value = text.encode(encoding)

        return edit

    for text, time_s in (("平扫", 0), ("动脉期", 125), ("门脉期", 165), ("肝胆期", 1300)):
        writer.series("", T1, time_s, edit=describe(text))
    result = match()
    assert result.code is None
    for role in DYNAMIC:
        assert any(item.family == "text" and item.weight > 0 for item in result.roles[Role(role)].evidence)
    assert result.roles[Role.T1_ARTERIAL].series_description == "动脉期"


def test_match_when_the_study_is_there_twice_then_nothing_changes(
    writer: StudyWriter, tmp_path: Path, match: Match
) -> None:
    standard(writer)
    once = match().to_json()
    for path in sorted(tmp_path.glob("*.dcm")):
        (tmp_path / f"copy_{path.name}").write_bytes(path.read_bytes())
    assert match().to_json() == once


def test_match_when_descriptions_contradict_the_times_then_it_refuses(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_ARTERIAL", "T1_PORTAL"))
    writer.series("Ax T1 portal", T1, 125, **GADOXETATE)
    writer.series("Ax T1 arterial", T1, 165, **GADOXETATE)
    result = match()
    assert result.code == "SM-ORDER"


def test_match_when_a_series_of_the_mr_class_is_of_another_modality_then_it_is_rejected(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T2",))
    strange = writer.series("Ax T2 FS", T2, 500, Modality="CT")
    result = match()
    assert result.code == "SM-MISSING-T2"
    assert codes(result)[strange] == {"NOT-MR"}


def test_match_when_images_are_lossy_then_it_refuses(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T2",))
    writer.series("Ax T2 FS", T2, 500, LossyImageCompression="01")
    assert match().code == "SM-LOSSY"


def test_match_when_a_role_is_a_mosaic_then_the_vendor_encapsulation_is_named(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("DWI",))
    writer.series("dwi_tra", DWI, 700, DiffusionBValue=800, ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"])
    assert match().code == "SM-VENDOR"


def test_match_when_there_is_one_series_then_the_missing_roles_are_named(
    writer: StudyWriter, match: Match
) -> None:
    writer.series("Ax T2 FS", T2, 0)
    result = match()
    assert result.code == "SM-MISSING-DWI"
    assert list(result.roles) == [Role.T2]
    assert "hepatobiliary phase" in result.message


def test_match_when_a_folder_holds_two_studies_then_they_are_never_mixed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = StudyWriter(tmp_path / "a"), StudyWriter(tmp_path / "b")
    standard(first, without=("T2",))
    second.series("Ax T2 FS", T2, 500)
    results = match_studies(scan_folder(tmp_path), load_series_rules())
    by_uid = {result.study_instance_uid: result.code for result in results}
    assert by_uid == {first.study_instance_uid: "SM-MISSING-T2", second.study_instance_uid: "SM-MISSING-DWI"}


def test_match_when_files_come_in_another_order_then_the_result_is_the_same(
    writer: StudyWriter, tmp_path: Path
) -> None:
    standard(writer)
    scan = scan_folder(tmp_path)
    turned = type(scan)(scan.frames[::-1], scan.others, scan.unreadable)
    rules = load_series_rules()
    assert match_studies(turned, rules)[0].to_json()["roles"] == match_studies(scan, rules)[0].to_json()["roles"]


@pytest.mark.parametrize(
    ("description", "elements", "said", "helps"),
    [
        ("epi_dwi_tra_b0_50_800", {}, "its b-value is not in its headers", "b800"),
        ("DWI", {"DiffusionBValue": 50}, "b = 50 s/mm2, outside 600 to 1000", "missing series"),
        ("ADC", {"DiffusionBValue": 800}, "a map of the apparent diffusion coefficient", "missing series"),
    ],
)
def test_match_when_the_diffusion_is_not_usable_then_the_refusal_names_the_series_and_why(
    writer: StudyWriter, match: Match, description: str, elements: dict[str, Any], said: str, helps: str
) -> None:
    writer.vendor = "UIH"
    standard(writer, without=("DWI",))
    writer.series(description, DWI, 700, **elements)
    result = match()
    assert result.code == "SM-MISSING-DWI"
    assert f"series 6 ({description}): " in result.message and said in result.message
    assert helps in result.remedy


@pytest.mark.parametrize(
    ("role", "description", "time_s"),
    [
        ("T1_PRE", "Ax T1 post", 0),
        ("T1_ARTERIAL", "Ax T1 not arterial", 125),
        ("T1_PORTAL", "keine Portalphase", 165),
    ],
)
def test_match_when_a_description_denies_the_phase_of_its_time_then_it_refuses(
    writer: StudyWriter, match: Match, role: str, description: str, time_s: float
) -> None:
    standard(writer, without=(role,))
    writer.series(description, T1, time_s, ContrastBolusStartTime="100140", **GADOXETATE)
    result = match()
    assert result.code in ("SM-ORDER", f"SM-WEAK-{role}")
    assert description in result.message or result.code != "SM-ORDER"
