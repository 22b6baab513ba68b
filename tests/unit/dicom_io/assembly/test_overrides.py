"""What a person's choice settles, and what it cannot."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from config.series_rules import load_series_rules
from dicom_io.assembly import MatchResult, match_studies, scan_folder, study_progress
from dicom_io.assembly.assignable import Assignable, assignable
from dicom_io.assembly.match_result import Assigned
from dicom_io.assembly.matching import objection_to
from dicom_io.assembly.overrides import Override
from pipeline.study import Role
from tests.unit.dicom_io.assembly.header_studies import (
    CORONAL,
    DWI,
    DYNAMIC,
    T1,
    T2,
    StudyWriter,
    chosen,
    standard,
)

BY = Assigned("anna", "2026-11-26T12:30:00+00:00")
RULES = load_series_rules()


@pytest.fixture
def found(tmp_path: Path) -> Callable[[], Mapping[str, Assignable]]:
    """Return what may be assigned, by series (of several stacks the first) and by key."""

    def run() -> Mapping[str, Assignable]:
        stacks = assignable(scan_folder(tmp_path), RULES)
        return {
            **{item.series_instance_uid: item for item in reversed(stacks)},
            **{item.key: item for item in stacks},
        }

    return run


Found = Callable[[], Mapping[str, Assignable]]


def override(item: Assignable, role: Role, withdrawn: Assigned | None = None) -> Override:
    return Override(role, item.sop_instance_uid, item.frame_number, item.series_number, BY, withdrawn)


def matched(folder: Path, *overrides: Override) -> MatchResult:
    scan = scan_folder(folder)
    (uid,) = scan.study_instance_uids
    (result,) = match_studies(scan, RULES, {uid: overrides})
    return result


def test_match_when_two_series_are_alike_then_the_assigned_one_is_taken_and_the_reader_is_told(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    expected = standard(writer)
    other = writer.series("Ax T1 venous breathing", T1, 185)
    assert matched(tmp_path).code == "SM-AMBIG-T1_PORTAL"
    result = matched(tmp_path, override(found()[other], Role.T1_PORTAL))
    assert result.code is None
    assert chosen(result) == {**expected, "T1_PORTAL": other}
    assert result.roles[Role.T1_PORTAL].assigned == BY
    assert result.roles[Role.T1_ARTERIAL].assigned is None
    assert result.warnings == (
        "Series 7 was assigned by hand as the portal venous phase (by anna at 2026-11-26T12:30:00+00:00).",
    )
    document = result.to_json()
    assert document["roles"]["T1_PORTAL"]["origin"] == "user"  # type: ignore[index] # A JSON document.
    runner_up = result.roles[Role.T1_PORTAL].runner_up
    assert runner_up is not None
    assert runner_up.series_instance_uid == expected["T1_PORTAL"]
    assert runner_up.because == "another series was assigned by hand"


def test_match_when_the_assignment_was_withdrawn_then_the_rules_choose_and_the_reader_is_told(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    standard(writer)
    other = writer.series("Ax T1 venous breathing", T1, 185)
    withdrawn = override(found()[other], Role.T1_PORTAL, Assigned("bert", "2026-11-27T08:00:00+00:00"))
    result = matched(tmp_path, withdrawn)
    assert result.code == "SM-AMBIG-T1_PORTAL"
    assert "no longer assigned by hand (by bert" in result.warnings[0]


def test_match_when_nothing_names_the_phases_then_an_assigned_arterial_phase_is_enough(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    standard(writer, without=DYNAMIC)
    phases = [writer.series("Ax T1", T1, seconds) for seconds in (0, 125, 170, 1325)]
    refused = matched(tmp_path)
    assert refused.code is not None
    assert refused.code.startswith("SM-WEAK")
    overrides = [override(found()[uid], Role(role)) for uid, role in zip(phases, DYNAMIC, strict=True)]
    result = matched(tmp_path, *overrides)
    assert result.code is None
    assert [chosen(result)[role] for role in DYNAMIC] == phases


def test_match_when_there_is_no_clock_then_phases_are_taken_where_a_person_names_all_four(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    standard(writer, without=DYNAMIC)
    phases = [writer.series(f"Ax T1 {word}", T1) for word in ("pre", "art", "portal", "HBP")]
    assert matched(tmp_path).code == "SM-NOTIME"
    overrides = [override(found()[uid], Role(role)) for uid, role in zip(phases, DYNAMIC, strict=True)]
    assert matched(tmp_path, *overrides[:3]).code == "SM-NOTIME"
    result = matched(tmp_path, *overrides)
    assert result.code is None
    assert [chosen(result)[role] for role in DYNAMIC] == phases
    assert (result.clock_source, result.t0) == (None, "unknown")


def test_match_when_only_its_description_rejects_a_series_then_it_may_be_assigned_and_the_reader_is_told(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    expected = standard(writer, without=("T2",))
    scout = writer.series("T2 survey liver", T2, 600)
    assert matched(tmp_path).code == "SM-MISSING-T2"
    item = found()[scout]
    assert (item.roles, item.code) == ((Role.T2,), "LOCALIZER")
    result = matched(tmp_path, override(item, Role.T2))
    assert result.code is None
    assert chosen(result) == {**expected, "T2": scout}
    assert result.warnings[1] == (
        "Assigned against the rules, the axial T2 is a localizer, as 'survey' in its description says "
        "(lexicon.localizer) (LOCALIZER)."
    )


def test_match_when_images_come_after_the_assignment_then_it_still_names_the_series(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    standard(writer)
    other = writer.series("Ax T1 venous breathing", T1, 185)
    assigned = override(found()[other], Role.T1_PORTAL)
    late = dcmread(next(path for path in sorted(tmp_path.iterdir()) if dcmread(path).SeriesInstanceUID == other))
    late.SOPInstanceUID = late.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    late.ImagePositionPatient = [0, 0, 45]
    late.save_as(tmp_path / "late.dcm", enforce_file_format=True)
    result = matched(tmp_path, assigned)
    assert chosen(result)["T1_PORTAL"] == other
    assert len(result.roles[Role.T1_PORTAL].instances) == 10


def test_match_when_the_assigned_images_are_gone_then_the_rules_do_not_choose_for_the_person(
    writer: StudyWriter, tmp_path: Path
) -> None:
    standard(writer)
    gone = Override(Role.T2, "1.2.3", 1, 7, BY)
    result = matched(tmp_path, gone)
    assert result.code == "SM-ASSIGN-T2"
    assert Role.T2 not in result.roles
    assert "not in the study any more" in result.message
    assert "mvi-node studies assign" in result.remedy


@pytest.mark.parametrize(
    ("role", "physics", "elements", "code"),
    [
        (Role.T2, T2, {"orientation": CORONAL}, "ORIENTATION"),
        (Role.T2, T2, {"slices": range(3)}, "FEW-SLICES"),
        (Role.T2, T2, {"ImageType": ["DERIVED", "PRIMARY", "MPR"]}, "PROJECTION"),
        (Role.T2, DWI, {"ImageType": ["DERIVED", "PRIMARY", "ADC"]}, "ADC"),
        (Role.T1_PRE, T1, {"ImageType": ["DERIVED", "PRIMARY", "SUBTRACTION"]}, "SUBTRACTION"),
        (Role.T1_PRE, T2, {}, "NO-ROLE"),
        (Role.DWI, DWI, {"DiffusionBValue": 50}, "B-VALUE"),
        (Role.DWI, DWI, {}, "B-VALUE"),
    ],
)
def test_match_when_what_is_assigned_cannot_be_that_then_it_is_refused_and_says_why(
    writer: StudyWriter,
    tmp_path: Path,
    found: Found,
    role: Role,
    physics: dict[str, object],
    elements: dict[str, object],
    code: str,
) -> None:
    standard(writer)
    wrong = writer.series("Ax something", physics, 650, **elements)  # type: ignore[arg-type] # Any keyword.
    item = found()[wrong]
    assert role not in item.roles
    result = matched(tmp_path, override(item, role))
    assert result.code == f"SM-ASSIGN-{role}"
    assert f"({code})" in result.message
    refusal = objection_to(scan_folder(tmp_path), RULES, [override(item, role)])
    assert refusal is not None
    assert refusal.code == f"SM-ASSIGN-{role}"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"slices": [0, 1, 2, 3, 5, 6, 7, 8, 9]}, "SM-INCOMPLETE"),
        ({"LossyImageCompression": "01"}, "SM-LOSSY"),
        ({"FrameOfReferenceUID": "1.2.3.4"}, "SM-FOR"),
        ({"step_mm": 1.0}, "SM-GEOM"),
    ],
)
def test_match_when_the_assigned_series_must_not_be_analysed_then_its_own_code_refuses_it(
    writer: StudyWriter, tmp_path: Path, found: Found, wrong: dict[str, object], code: str
) -> None:
    standard(writer)
    uid = writer.series("Ax T2 other", T2, 650, **wrong)  # type: ignore[arg-type] # Any keyword.
    refusal = objection_to(scan_folder(tmp_path), RULES, [override(found()[uid], Role.T2)])
    assert refusal is not None
    assert refusal.code == code


def test_match_when_assigned_phases_are_out_of_order_then_it_is_refused(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    expected = standard(writer)
    swapped = [
        override(found()[expected["T1_ARTERIAL"]], Role.T1_PORTAL),
        override(found()[expected["T1_PORTAL"]], Role.T1_ARTERIAL),
    ]
    result = matched(tmp_path, *swapped)
    assert result.code == "SM-ORDER"
    assert "arterial phase and portal venous phase" in result.message
    assert set(result.roles) >= {Role.T1_ARTERIAL, Role.T1_PORTAL}


def test_match_when_the_study_is_of_two_patients_then_no_assignment_helps(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    expected = standard(writer)
    writer.patient_id = "OTHER"
    writer.series("Ax T2 other", T2, 650)
    refusal = objection_to(scan_folder(tmp_path), RULES, [override(found()[expected["T2"]], Role.T2)])
    assert refusal is not None
    assert refusal.code == "SM-PATIENT"


def test_objection_when_the_assignment_fits_then_there_is_none_though_the_study_lacks_another_role(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    expected = standard(writer, without=("DWI",))
    assert objection_to(scan_folder(tmp_path), RULES, [override(found()[expected["T2"]], Role.T2)]) is None


def test_progress_when_a_role_is_assigned_then_it_is_filled(
    writer: StudyWriter, tmp_path: Path, found: Found
) -> None:
    standard(writer)
    other = writer.series("Ax T1 venous breathing", T1, 185)
    scan = scan_folder(tmp_path)
    assert study_progress(scan, RULES).roles[Role.T1_PORTAL] == "ambiguous"
    assigned = override(found()[other], Role.T1_PORTAL)
    assert study_progress(scan, RULES, [assigned]).open_roles == ()
