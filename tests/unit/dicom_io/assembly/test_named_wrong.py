"""Series that only their words tell from the right ones."""

import pytest

from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import GADOXETATE, T1, StudyWriter, codes, standard


@pytest.mark.parametrize(
    ("name", "word", "rule"),
    [
        ("t1_vibe_fat_only_tra_20min", "fat only", "lexicon.dixon_fat_anywhere"),
        ("t1_vibe_opposed_tra_20min", "opposed", "lexicon.dixon_opposed_phase_anywhere"),
        ("t1_vibe_iph_tra_20min", "iph", "lexicon.dixon_in_phase_anywhere"),
    ],
)
def test_match_when_the_only_late_phase_is_no_water_image_then_word_and_rule_are_named(
    writer: StudyWriter, match: Match, name: str, word: str, rule: str
) -> None:
    standard(writer, without=("T1_HEPATOBILIARY",))
    other = writer.series(name, T1, 1300, **GADOXETATE)
    result = match()
    assert result.code == "SM-NOHBP"
    assert codes(result)[other] == {"DIXON"}
    assert f"'{word}' in its description says ({rule})" in result.message
    assert name in result.message


@pytest.mark.parametrize(
    ("description", "concept", "word"),
    [
        ("T1 art ratio", "map", "ratio"),
        ("T1 art fusion", "projection", "fusion"),
        ("T1 art ignore", "failed", "ignore"),
        ("T1 art minus", "subtraction", "minus"),
    ],
)
def test_match_when_one_word_rejects_a_series_then_word_and_rule_are_named(
    writer: StudyWriter, match: Match, description: str, concept: str, word: str
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series(description, T1, 125, **GADOXETATE)
    result = match()
    assert result.code == "SM-MISSING-T1_ARTERIAL"
    assert f"'{word}' in its description says (lexicon.{concept})" in result.message


def test_match_when_the_word_is_in_the_protocol_name_then_it_says_so(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series("Ax T1 arterial", T1, 125, ProtocolName="art sub", **GADOXETATE)
    assert "'sub' in its protocol or sequence name says (lexicon.subtraction)" in match().message


@pytest.mark.parametrize("extra", ["Max SNR", "for_fusion", "(ignore breath)", "post op", "max FOV"])
def test_match_when_a_word_of_rejection_means_something_else_then_the_series_is_taken(
    writer: StudyWriter, match: Match, extra: str
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    arterial = writer.series(f"Ax T1 arterial {extra}", T1, 125, **GADOXETATE)
    result = match()
    assert result.code is None
    assert result.roles[Role.T1_ARTERIAL].series_instance_uid == arterial
