"""Series that only their words tell from the right ones."""

from typing import Any

import pytest
from pydicom import dcmread

from config.series_rules import load_series_rules
from dicom_io.assembly.lexicon import Lexicon
from dicom_io.assembly.text import normalise
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    DYNAMIC,
    GADOXETATE,
    T1,
    T2,
    StudyWriter,
    chosen,
    codes,
    standard,
)


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


@pytest.mark.parametrize("name", ["t1_vibe_pre", "Ax LAVA", "T1 tse tra"])
def test_match_when_what_looks_like_t2_is_called_t1_then_it_refuses(
    writer: StudyWriter, match: Match, name: str
) -> None:
    standard(writer, without=("T2",))
    writer.series(name, T2, 500)
    result = match()
    assert result.code == "SM-WEAK-T2"
    assert "lexicon.t1" in result.message


def test_match_when_only_the_protocol_is_called_t1_then_t2_is_taken(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T2",))
    expected = writer.series("Ax FRFSE FS", T2, 500, ProtocolName="LIVER T1 DYN")
    assert chosen(match())["T2"] == expected


def test_match_when_t2_is_a_flair_then_it_is_missing(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T2",))
    flair = writer.series("t2_flair_tra", T2, 500)
    result = match()
    assert result.code == "SM-MISSING-T2"
    assert codes(result)[flair] == {"FLAIR"}


@pytest.mark.parametrize(
    "words",
    [
        "to be repeated", "bad timing", "zu wiederholen", "falsches Timing", "mauvais timing", "à refaire",
        "repetir", "mal tiempo", "no usar", "refazer", "não usar", "da ripetere", "timing sbagliato",
        "时相错误", "需重做", "要再撮影", "タイミング不良", "재촬영 필요", "타이밍 실패", "неудачно",
    ],
)  # fmt: skip
def test_concepts_when_a_series_was_given_up_then_it_says_so_in_any_language(words: str) -> None:
    assert "failed" in Lexicon(load_series_rules()).concepts(normalise(f"T1 art {words}"))


@pytest.mark.parametrize(
    "words",
    ["repeat", "Wiederholung", "repetido", "répété", "ripetuta", "heart rate 80", "再撮影", "재촬영", "2nd time"],
)
def test_concepts_when_a_series_is_the_repeat_of_another_then_it_did_not_fail(words: str) -> None:
    assert "failed" not in Lexicon(load_series_rules()).concepts(normalise(f"T1 art {words}"))


@pytest.mark.parametrize("role", ["T1_HEPATOBILIARY", "T2"])
def test_match_when_the_patient_was_turned_then_it_refuses_and_says_where(
    writer: StudyWriter, match: Match, role: str
) -> None:
    standard(writer, without=(role,))
    for file in writer.folder.glob("*.dcm"):
        ds = dcmread(file)
        ds.PatientPosition = "HFS"
        ds.save_as(file)
    description, physics, time_s = ("Ax T2 FS", T2, 500) if role == "T2" else ("Ax T1 HBP 20 min", T1, 1300)
    writer.series(description, physics, time_s, PatientPosition="HFP")
    result = match()
    assert result.code == "SM-FOR"
    assert "The patient lay otherwise (0018,5100): HF" in result.message


@pytest.mark.parametrize(("options", "code"), [("FS", None), ("", "SM-GEOM")])
def test_match_when_only_the_late_phase_is_a_water_image_then_the_others_must_be_fat_suppressed(
    writer: StudyWriter, match: Match, options: str, code: str | None
) -> None:
    standard(writer, without=DYNAMIC)
    physics = {**T1, "ScanOptions": options}
    for name, time_s in (("pre", 0), ("arterial", 125), ("portal", 165)):
        writer.series(f"Ax T1 {name}", physics, time_s)
    writer.series("Ax T1 HBP", physics, 1300, ImageType=["DERIVED", "PRIMARY", "DIXON", "WATER"])
    assert match().code == code


@pytest.mark.parametrize("protocol", ["LIVER EOVIST / MRCP", "Liver W WO Eovist + MRE", "Liver mass SUB/MIP"])
def test_match_when_every_series_bears_the_name_of_the_order_then_it_rejects_none(
    writer: StudyWriter, match: Match, protocol: str
) -> None:
    standard(writer)
    for path in writer.folder.rglob("*.dcm"):
        ds = dcmread(path)
        ds.ProtocolName = protocol
        ds.save_as(path)
    assert match().status == "accepted"


def test_match_when_one_series_bears_a_protocol_that_rejects_then_it_is_rejected(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T2",))
    mrcp = writer.series("Ax", T2, 0, ProtocolName="MRCP")
    assert codes(match())[mrcp] == {"MRCP"}


def test_lexicon_when_a_phase_is_acquired_in_expiration_then_names_no_map() -> None:
    lexicon = Lexicon(load_series_rules())
    assert "map" not in lexicon.concepts(normalise("t1_vibe_art_exp"))
    for text in (
        "dADC",
        "DWI isoADC",
        "DWI ACD",
        "DWI (10-6 mm2/s)",
        "eADC",
        "Exp ADC",
        "exponential apparent",
        "ep2d_diff_exp",
        "DWI b50 800 Exp",
    ):
        assert "map" in lexicon.concepts(normalise(text)), text


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("t1_vibe_art_FatImage", "FAT"),
        ("t1_vibe_art (F)", "FAT"),
        ("t1_vibe_art FF", "FAT"),
        ("t1_vibe_art_in1", "IN_PHASE"),
        ("t1_vibe_art iphase", "IN_PHASE"),
    ],
)
def test_lexicon_when_a_dixon_image_is_called_otherwise_then_is_known(description: str, kind: str) -> None:
    named = Lexicon(load_series_rules()).dixon(normalise(description))
    assert named is not None
    assert named.kind == kind


@pytest.mark.parametrize(
    "description", ["t1_vibe_art IP2", "T1 art fat-s", "T1 fat sat art", "T1 art PAT2 iPAT 3"]
)
def test_lexicon_when_acceleration_or_suppression_is_named_then_no_dixon_type_is(description: str) -> None:
    assert Lexicon(load_series_rules()).dixon(normalise(description)) is None


@pytest.mark.parametrize(
    "description",
    [
        "T1 art Deep Learning Reconstruction",
        "T1 art Compressed SENSE reconstruction",
        "t1_vibe_art_care_bolus",
        "T1 art FOV max",
    ],
)
def test_lexicon_when_a_good_phase_bears_a_word_of_others_then_nothing_rejects_it(description: str) -> None:
    found = Lexicon(load_series_rules()).concepts(normalise(description))
    assert not found & {"projection", "bolus", "map", "subtraction"}


@pytest.mark.parametrize("description", ["CARE Bolus cor", "t1_fl2d_care_bolus", "carebolus"])
def test_lexicon_when_the_bolus_is_watched_then_says_so(description: str) -> None:
    assert "bolus" in Lexicon(load_series_rules()).concepts(normalise(description))


@pytest.mark.parametrize(
    ("role", "name", "parameters", "said"),
    [
        (
            "T2",
            "Ax T2 FS",
            {**T2, "EchoTime": 55.0},
            "echo time, 55 ms, is not between 60 and 150 (physics.t2.echo_time_ms)",
        ),
        (
            "T1_HEPATOBILIARY",
            "Ax T1 20min HBP",
            {**T1, "RepetitionTime": 11.0},
            "repetition time, 11 ms, is not between 2 and 10 (physics.t1.repetition_time_ms)",
        ),
    ],
)
def test_match_when_a_parameter_is_outside_its_window_then_series_value_and_key_are_named(
    writer: StudyWriter, match: Match, role: str, name: str, parameters: dict[str, Any], said: str
) -> None:
    standard(writer, without=(role,))
    writer.series(name, parameters, 0 if role == "T2" else 1300)
    message = match().message
    assert f"({name}): its {said}" in message


@pytest.mark.parametrize("name", ["Ax T1 arterial no MPR", "Ax T1 arterial (no sub)", "Ax T1 arterial post MRCP"])
def test_match_when_a_word_of_rejection_is_negated_or_came_before_then_the_series_is_taken(
    writer: StudyWriter, match: Match, name: str
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    expected = writer.series(name, T1, 125, **GADOXETATE)
    assert chosen(match())["T1_ARTERIAL"] == expected


@pytest.mark.parametrize("name", ["t2_tse_fett saett", "T2 FettSaett", "T2 fett-gesättigt"])
def test_concepts_when_fat_suppression_is_spelled_in_german_then_it_is_no_fat_image(name: str) -> None:
    lexicon = Lexicon(load_series_rules())
    assert "fat_suppressed" in lexicon.concepts(normalise(name))
    assert lexicon.dixon(normalise(name)) is None


def test_match_when_localizers_look_like_t2_then_what_is_called_t2_is_told_of_first(
    writer: StudyWriter, match: Match
) -> None:
    for number in range(4):
        writer.series(f"loc {number}", T2, number)
    standard(writer, without=("T2",))
    writer.series("Ax T2 FS BRAIN", T2, 500)
    message = match().message
    assert "Not taken for the axial T2: series 10 (Ax T2 FS BRAIN)" in message
    assert message.index("BRAIN") < message.index("loc 0")
