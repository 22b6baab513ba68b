"""Images of several patients under one study are refused, and no spelling of a name is a patient of its own."""

from typing import Any

import pytest

from dicom_io.assembly import MatchResult
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import T1, T2, StudyWriter, standard

PERSON = {"PatientName": "DOE^JANE", "PatientBirthDate": "19600504", "PatientSex": "F"}


def matched(writer: StudyWriter, match: Match, usual: dict[str, Any], strange: dict[str, Any]) -> MatchResult:
    """Match a study in which T2 alone says `strange` of its patient."""
    writer.person = usual
    standard(writer, without=("T2",))
    writer.series("Ax T2 FS", T2, 500, **strange)
    return match()


def test_match_when_two_patients_share_a_study_then_it_refuses(writer: StudyWriter, match: Match) -> None:
    standard(writer)
    writer.series("Ax T1 pre", T1, 0, PatientID="OTHER")
    result = match()
    assert result.code == "SM-PATIENT"
    assert "OTHER" not in str(result.to_json())


@pytest.mark.parametrize(
    ("strange", "said"),
    [
        ({"PatientID": "", "PatientName": "OTHER^PERSON"}, "some name none"),
        ({"PatientName": "OTHER^PERSON", "PatientSex": "M", "PatientBirthDate": "19010101"}, "birth dates"),
        ({"PatientBirthDate": "19600505"}, "birth dates (0010,0030)"),
        ({"PatientSex": "M"}, "sexes (0010,0040)"),
        ({"PatientName": "OTHER^PERSON", "PatientBirthDate": ""}, "names (0010,0010)"),
        ({"PatientName": "OTHER^PERSON^^MRS", "PatientBirthDate": ""}, "names (0010,0010)"),
    ],
)
def test_match_when_one_series_is_of_another_person_then_it_refuses_and_names_nobody(
    writer: StudyWriter, match: Match, strange: dict[str, str], said: str
) -> None:
    result = matched(writer, match, {**PERSON, "PatientName": "DOE^JANE^^MRS"}, strange)
    assert result.code == "SM-PATIENT"
    assert said in result.message and result.remedy
    assert not any(word in str(result.to_json()) for word in ("OTHER", "JANE", "19600504", "19010101"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DOE^JANE", "doe^jane^^^"),
        ("DOE^JANE", "Doe, Jane"),
        ("DOE^JANE", "DOE-SMITH^JANE"),
        ("M\u00fcller^Eva", "MUELLER"),
        ("M\u00fcller", "Muller^E"),
        ("Yamada^Tarou", "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"),
        ("Yamada^Tarou", "\u5c71\u7530^\u592a\u90ce"),
        ("DOE^JANE", ""),
    ],
)
def test_match_when_one_name_is_spelled_otherwise_then_it_is_one_patient(
    writer: StudyWriter, match: Match, one: str, other: str
) -> None:
    usual = {"SpecificCharacterSet": "ISO_IR 192", "PatientName": one}
    result = matched(writer, match, usual, {"PatientName": other})
    assert (result.code, result.warnings) == (None, ())


@pytest.mark.parametrize(
    ("usual", "strange"),
    [
        (PERSON, {"PatientSex": "O"}),
        (PERSON, {"PatientBirthDate": "", "PatientSex": ""}),
        ({}, {"IssuerOfPatientID": "HOSPITAL"}),
        ({"IssuerOfPatientID": "HOSPITAL"}, {"IssuerOfPatientID": "Hospital"}),
    ],
    ids=["spelled otherwise", "left out", "issuer once", "issuer in another case"],
)
def test_match_when_a_fact_is_only_left_out_or_spelled_otherwise_then_it_is_one_patient(
    writer: StudyWriter, match: Match, usual: dict[str, Any], strange: dict[str, Any]
) -> None:
    assert matched(writer, match, usual, strange).code is None


def test_match_when_two_issuers_gave_the_patient_id_then_it_refuses(writer: StudyWriter, match: Match) -> None:
    result = matched(writer, match, {"IssuerOfPatientID": "A"}, {"IssuerOfPatientID": "B"})
    assert result.code == "SM-PATIENT"
    assert "issuers (0010,0021)" in result.message


def test_match_when_the_name_changed_and_the_birth_date_did_not_then_it_warns(
    writer: StudyWriter, match: Match
) -> None:
    result = matched(writer, match, PERSON, {"PatientName": "ROE^MARY"})
    assert result.code is None
    assert len(result.warnings) == 1 and "names (0010,0010)" in result.warnings[0]


def test_match_when_a_series_that_is_not_chosen_is_of_another_person_then_it_refuses(
    writer: StudyWriter, match: Match
) -> None:
    writer.person = PERSON
    standard(writer)
    writer.series("Ax T1 delay", T1, 300, PatientBirthDate="19010101")
    assert match().code == "SM-PATIENT"


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("王^小东", "李^大明", "SM-PATIENT"),
        ("김^민준", "이^서연", "SM-PATIENT"),
        ("KIM^JOON", "LEE^MINJI", "SM-PATIENT"),
        ("王^小东", "王小东", None),
        ("王^小东", "王^小東", None),
        ("Wang^Xiaodong=王^小东", "王^小东", None),
        ("王^小东", "Wang^Xiaodong", None),
        ("김^민준", "金^民俊", None),
    ],
)
def test_match_when_names_are_not_latin_then_they_are_compared_sign_by_sign(
    writer: StudyWriter, match: Match, one: str, other: str, code: str | None
) -> None:
    usual = {"SpecificCharacterSet": "ISO_IR 192", "PatientName": one}
    result = matched(writer, match, usual, {"PatientName": other})
    assert result.code == code
    assert not {sign for sign in one + other if not sign.isascii()} & set(str(result.to_json()))
