"""What the contrast agent that the headers name, or do not name, decides."""

import pytest
from pydicom.dataset import Dataset

from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import DYNAMIC, T1, StudyWriter, standard


@pytest.mark.parametrize(
    ("agent", "code"), [("Gadavist", "SM-AGENT"), ("Gd-EOB-DTPA", None), ("YES", None), ("Gd-DTPA", "SM-AGENT")]
)
def test_match_when_the_agent_is_named_then_only_gadoxetate_passes(
    writer: StudyWriter, match: Match, agent: str, code: str | None
) -> None:
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 portal", T1, 165, ContrastBolusAgent=agent)
    assert match().code == code


@pytest.mark.parametrize(("agent", "said"), [("Primovist", False), ("YES", True), ("Gadonothing", True)])
def test_match_when_no_known_agent_is_named_then_a_warning_names_it(
    writer: StudyWriter, match: Match, agent: str, said: bool
) -> None:
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 portal", T1, 165, ContrastBolusAgent=agent)
    result = match()
    assert result.code is None
    assert any(repr(agent) in warning for warning in result.warnings) is said


def test_match_when_text_and_code_name_two_agents_then_it_refuses(writer: StudyWriter, match: Match) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99TEST", "Gadoxetate disodium"
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 portal", T1, 165, ContrastBolusAgent="Dotarem", ContrastBolusAgentSequence=[code])
    assert match().code == "SM-AGENT"


@pytest.mark.parametrize("agent", ["No contrast", "kein", "ohne KM", "NONE", "NaCl 0.9%"])
def test_match_when_the_phases_after_contrast_had_none_then_it_refuses(
    writer: StudyWriter, match: Match, agent: str
) -> None:
    standard(writer, without=DYNAMIC[1:])
    for description, time_s in (("arterial", 125), ("portal", 165), ("HBP 20 min", 1300)):
        writer.series(f"Ax T1 {description}", T1, time_s, ContrastBolusAgent=agent)
    assert match().code == "SM-AGENT"


def test_match_when_no_header_names_an_agent_then_time_and_text_decide(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=DYNAMIC)
    times = {"pre": 0, "arterial": 125, "portal": 165, "HBP": 1300}
    for text, time_s in times.items():
        writer.series(f"Ax T1 {text}", T1, time_s)
    result = match()
    assert result.code is None
    assert not any(item.family == "agent" for choice in result.roles.values() for item in choice.evidence)
