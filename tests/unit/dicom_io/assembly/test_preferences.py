"""Which of several good series is taken."""

from pathlib import Path
from typing import Any

import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import match_studies, scan_folder
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    CORONAL,
    GADOXETATE,
    SLICES,
    T1,
    StudyWriter,
    chosen,
    codes,
    standard,
)


@pytest.mark.parametrize(("pick", "index"), [("late", 2), ("early", 0)])
def test_match_when_arterial_is_triple_then_the_rules_pick(
    writer: StudyWriter, tmp_path: Path, pick: str, index: int
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    arterial = [writer.series(f"Ax T1 art {n} TTC", T1, 125 + 8 * n) for n in range(3)]
    rules = load_series_rules()
    rules = rules.model_copy(update={"time": rules.time.model_copy(update={"arterial_pick": pick})})
    (result,) = match_studies(scan_folder(tmp_path), rules)
    assert result.code is None
    assert chosen(result)["T1_ARTERIAL"] == arterial[index]


def test_match_when_the_later_of_two_arterial_repeats_is_incomplete_then_the_complete_one_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    complete = writer.series("Ax T1 arterial", T1, 120)
    writer.series("Ax T1 arterial", T1, 135, slices=[k for k in range(SLICES) if k != 5])
    result = match()
    assert result.code is None
    assert chosen(result)["T1_ARTERIAL"] == complete


def test_match_when_arterial_is_repeated_then_the_later_is_taken(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series("Ax T1 arterial", T1, 120)
    later = writer.series("Ax T1 arterial", T1, 135)
    assert chosen(match())["T1_ARTERIAL"] == later


@pytest.mark.parametrize("suffix", ["", "_IN_ND", " DR"])
@pytest.mark.parametrize(
    ("role", "description", "time_s", "agent"),
    [
        ("T1_PRE", "Ax T1 pre", 0, {}),
        ("T1_ARTERIAL", "Ax T1 arterial", 125, GADOXETATE),
        ("T1_HEPATOBILIARY", "Ax T1 HBP 20 min", 1300, GADOXETATE),
    ],
)
def test_match_when_one_acquisition_has_two_images_then_none_is_taken(
    writer: StudyWriter,
    match: Match,
    role: str,
    description: str,
    time_s: float,
    agent: dict[str, Any],
    suffix: str,
) -> None:
    standard(writer)
    writer.series(description + suffix, T1, time_s, **agent)
    result = match()
    assert result.code == f"SM-AMBIG-{role}"
    assert f"series 7 ({description}{suffix}) are images of one acquisition" in result.message


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("Fett", "DIXON"),
        ("同相位", "DIXON"),
        ("hors phase", "DIXON"),
        ("MoCo", "MOTION-CORRECTED"),
        ("failed", "FAILED"),
    ],
)
def test_match_when_the_other_image_of_an_acquisition_is_known_by_its_name_then_it_is_rejected(
    writer: StudyWriter, match: Match, image: str, code: str
) -> None:
    expected = standard(writer)
    other = writer.series(f"Ax T1 arterial {image}", T1, 128, SpecificCharacterSet="ISO_IR 192", **GADOXETATE)
    result = match()
    assert chosen(result) == expected
    assert codes(result)[other] == {code}


@pytest.mark.parametrize(
    ("apart_s", "suffix", "code"),
    [(1, "", "SM-AMBIG-T1_ARTERIAL"), (3, " 2", None), (3, " x", "SM-AMBIG-T1_ARTERIAL"), (6, " x", None)],
)
def test_match_when_arterial_phases_are_seconds_apart_then_only_repeats_are_equally_right(
    writer: StudyWriter, match: Match, apart_s: float, suffix: str, code: str | None
) -> None:
    standard(writer)
    writer.series(f"Ax T1 arterial{suffix}", T1, 125 + apart_s, **GADOXETATE)
    assert match().code == code


@pytest.mark.parametrize(
    ("role", "description", "time_s"),
    [("T1_PRE", "Ax T1 pre", 60), ("T1_HEPATOBILIARY", "Ax T1 HBP 20 min", 1301)],
)
def test_match_when_the_preferred_time_is_that_of_an_image_made_otherwise_then_the_phases_stay_alike(
    writer: StudyWriter, match: Match, role: str, description: str, time_s: float
) -> None:
    expected = standard(writer)
    with_fat = {keyword: value for keyword, value in T1.items() if keyword != "ScanOptions"}
    writer.series(description, with_fat, time_s)
    writer.series(f"{description} in", {**T1, "EchoTime": 4.6}, time_s + 20)
    assert chosen(match())[role] == expected[role]


def test_match_when_the_later_repeat_was_ended_early_then_the_whole_one_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    expected = standard(writer)
    writer.series("Ax T1 arterial", T1, 134, slices=range(8), **GADOXETATE)
    assert chosen(match()) == expected


def test_match_when_a_series_holds_two_echoes_of_one_time_then_the_clock_still_tells(
    writer: StudyWriter, match: Match
) -> None:
    expected = standard(writer)
    with_fat = {keyword: value for keyword, value in T1.items() if keyword != "ScanOptions"}
    echoes = [{"EchoTime": 2.3, "EchoNumbers": 1}, {"EchoTime": 4.6, "EchoNumbers": 2}]
    writer.series("Ax T1 dual echo", with_fat, 60, phases=echoes)
    assert chosen(match()) == expected


@pytest.mark.parametrize("apart_s", [0, 1, 4])
def test_match_when_a_word_alone_tells_two_images_of_one_acquisition_apart_then_none_is_taken(
    writer: StudyWriter, match: Match, apart_s: float
) -> None:
    # A processed copy that is stored as an original and bears the name of the phase, beside a nameless original.
    standard(writer, without=("T1_ARTERIAL",))
    given = {**GADOXETATE, "ContrastBolusStartTime": "100140"}
    writer.series("VIBE dyn 2", T1, 125, **given)
    writer.series("Kontrast art", T1, 125 + apart_s, **given)
    assert match().code == "SM-AMBIG-T1_ARTERIAL"


def test_match_when_hepatobiliary_is_repeated_then_the_nearest_to_20_min_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    writer.series("Ax T1 HBP 10 min", T1, 100 + 610)
    writer.series("Ax T1 HBP 15 min", T1, 100 + 900)
    coronal = writer.series("Cor T1 HBP 20 min", T1, 1310, orientation=CORONAL)
    result = match()
    assert result.code is None
    assert result.roles[Role.T1_HEPATOBILIARY].series_description == "Ax T1 HBP 20 min"
    assert codes(result)[coronal] == {"ORIENTATION"}


def test_match_when_a_repeat_lost_by_preference_then_the_preference_is_named(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    writer.series("Ax T1 HBP 15 min", T1, 1000)
    rival = match().roles[Role.T1_HEPATOBILIARY].runner_up
    assert rival is not None
    assert "time.hepatobiliary_target_s" in rival.because
