"""What readers read: sequences, gates and reasons in words, with units."""

import pytest

from dicom_io.assembly.match_result import Evidence
from dicom_io.results.wording import feature_title, gate_sentence, in_words, reasons
from pipeline.analysis import GateOutcome
from pipeline.quality.refusal import REFUSALS
from pipeline.study import Analyte


@pytest.mark.parametrize(
    ("gate", "sentence"),
    [
        (
            GateOutcome("registration_displacement", True, 7.161, 60.0),
            "farthest shift between sequences: 7.2 mm, at most 60.0 mm: passed",
        ),
        (
            GateOutcome("liver_coverage", False, 0.854, 0.9),
            "liver covered by every sequence: 85 %, at least 90 %: not passed",
        ),
        (GateOutcome("something_new", True, 1.23456, 2.0), "something new: 1.23, limit 2: passed"),
    ],
)
def test_gate_when_told_then_it_has_unit_and_side_of_the_limit(gate: GateOutcome, sentence: str) -> None:
    assert gate_sentence(gate) == sentence


@pytest.mark.parametrize("name", REFUSALS)
def test_gate_when_the_pipeline_knows_it_then_it_has_words_and_the_right_side(name: str) -> None:
    told = gate_sentence(GateOutcome(name, True, 0.5, 0.7))

    assert "_" not in told
    assert (" at most " in told) != (" at least " in told)


def test_features_when_told_then_no_name_of_the_program_is_left() -> None:
    assert all("_" not in feature_title(analyte.value) for analyte in Analyte)


def test_reasons_when_told_then_the_strongest_come_first_and_the_name_of_the_series_is_left_out() -> None:
    evidence = (
        Evidence("text", "(0008,103E)", "Ax DWI", 9.0),
        Evidence("geometry", "(0018,0050)", "7 mm", 0.5),
        Evidence("diffusion", "(0018,9087)", "800", 2.0),
        Evidence("physics", "(0018,0020)", "EP 2D TR 5000 TE 56 ms", 4.0),
        Evidence("agent", "(0018,0010)", "gadoxetate", 0.6),
        Evidence("time", "AcquisitionTime", "+90 s from the recorded injection", -2.0),
    )

    assert reasons(evidence) == "EP 2D TR 5000 TE 56 ms; b = 800 s/mm²; contrast agent: gadoxetate; 7 mm"


def test_sentence_when_it_names_roles_then_they_are_named_as_a_radiologist_does() -> None:
    assert (
        in_words("T1_PRE and T2 cover 80% of the liver only.")
        == "T1 pre-contrast and T2 cover 80% of the liver only."
    )
