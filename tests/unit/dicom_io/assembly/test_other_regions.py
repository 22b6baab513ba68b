"""Series of another part of the body, told by their names and by the element."""

from typing import Any

import pytest

from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    DWI,
    T2,
    StudyWriter,
    chosen,
    codes,
    standard,
)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Ax T2 FS BRAIN", "brain"),
        ("t2_tse_prostate", "prostate"),
        ("T2 head", "head"),
        ("t2_tse_tra_becken", "becken"),
        ("T2 rectum axial", "rectum"),
        ("T2 LWS", "lws"),
        ("T2 ax rachis", "rachis"),
        ("T2 前列腺", "前列腺"),
        ("T2 骨盤", "骨盤"),
        ("T2 골반", "골반"),
    ],
)
@pytest.mark.parametrize("role", ["T2", "DWI"])
def test_match_when_the_only_t2_or_diffusion_is_called_after_another_part_of_the_body_then_it_is_missing(
    writer: StudyWriter, match: Match, name: str, word: str, role: str
) -> None:
    standard(writer, without=(role,))
    elements: dict[str, Any] = {"DiffusionBValue": 800} if role == "DWI" else {}
    name = name.replace("T2", "DWI").replace("t2_tse", "ep2d_diff") if role == "DWI" else name
    other = writer.series(name, T2 if role == "T2" else DWI, 500, SpecificCharacterSet="ISO_IR 192", **elements)
    result = match()
    assert result.code == f"SM-MISSING-{role}"
    assert codes(result)[other] == {"BODY-PART"}
    assert f"as {word!r} in its description says (lexicon.other_region)" in result.message


@pytest.mark.parametrize(
    "name",
    [
        "Ax T2 abdomen/pelvis",
        "T2 pancreas head",
        "T2 head-foot",
        "T2 cardiac gated",
        "T2 Leber/LWS",
        "T2 腹部盆腔",
    ],
)
def test_match_when_t2_names_the_liver_as_well_or_no_part_of_the_body_then_it_is_taken(
    writer: StudyWriter, match: Match, name: str
) -> None:
    standard(writer, without=("T2",))
    expected = writer.series(name, T2, 500, SpecificCharacterSet="ISO_IR 192")
    assert chosen(match())["T2"] == expected


def test_match_when_only_the_protocol_names_another_part_of_the_body_then_it_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T2",))
    expected = writer.series("Ax T2 FS", T2, 500, ProtocolName="Brain and body")
    assert chosen(match())["T2"] == expected


@pytest.mark.parametrize("part", ["PELVIS", "KIDNEY", "UTERUS", "LEG", "EXTREMITY", "HEAD AND NECK"])
def test_match_when_the_body_part_of_t2_is_another_then_it_is_missing(
    writer: StudyWriter, match: Match, part: str
) -> None:
    standard(writer, without=("T2",))
    other = writer.series("Ax T2 FS", T2, 500, BodyPartExamined=part)
    result = match()
    assert result.code == "SM-MISSING-T2"
    assert codes(result)[other] == {"BODY-PART"}
