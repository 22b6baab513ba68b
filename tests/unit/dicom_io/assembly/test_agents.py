"""What the contrast agent that the headers name, or do not name, decides."""

from typing import Any

import pytest
from pydicom.dataset import Dataset

from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import DYNAMIC, GADOXETATE, T1, T2, StudyWriter, standard


@pytest.mark.parametrize(
    ("agent", "code"), [("Gadavist", "SM-AGENT"), ("Gd-EOB-DTPA", None), ("YES", None), ("Gd-DTPA", "SM-AGENT"),
     ("Primovist (kein Dotarem)", None), ("Eovist - Iodine allergy", None),
     ("Primovist, Allergie gegen Jod", None),
     ("Primovist und Dotarem", "SM-AGENT"), ("Dotarem, kein Primovist", "SM-AGENT")],
)  # fmt: skip
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
    assert result.roles[Role.T1_PORTAL].agent == ("unnamed" if said else "gadoxetate")


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


@pytest.mark.parametrize("agent", ["Gd-BT-DO3A", "Omnipaque 300", "MultiHance", "Gadobenate dimeglumine"])
def test_match_when_the_late_phase_names_another_agent_then_series_and_agent_are_named(
    writer: StudyWriter, match: Match, agent: str
) -> None:
    standard(writer, without=("T1_HEPATOBILIARY",))
    writer.series("Ax T1 HBP 20 min", T1, 1300, ContrastBolusAgent=agent)
    result = match()
    assert result.code == "SM-AGENT"
    assert f"Series 6 (Ax T1 HBP 20 min) names another contrast agent than gadoxetate: {agent!r}" in result.message


@pytest.mark.parametrize("name", ["Ax T1 HBP 20 min gadovist", "t1_vibe_dotarem_20min", "T1 MultiHance 20 min"])
def test_match_when_a_description_names_another_agent_then_it_refuses(
    writer: StudyWriter, match: Match, name: str
) -> None:
    standard(writer, without=("T1_HEPATOBILIARY",))
    writer.series(name, T1, 1300)
    result = match()
    assert result.code == "SM-AGENT"
    assert name in result.message


@pytest.mark.parametrize("where", ["SeriesDescription", "ProtocolName"])
def test_match_when_a_series_of_no_phase_names_another_agent_then_it_refuses(
    writer: StudyWriter, match: Match, where: str
) -> None:
    standard(writer)
    named: dict[str, Any] = {where: "T2 nach Gadovist"}
    writer.series("Ax T2 FS", T2, 560, **named)
    assert match().code == "SM-AGENT"


def test_match_when_descriptions_name_gadoxetate_then_it_is_accepted(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_HEPATOBILIARY",))
    writer.series("Ax T1 HBP Gd-EOB-DTPA 20 min", T1, 1300, ProtocolName="Leber Primovist")
    assert match().code is None


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("StudyDescription", "Study Description (0008,1030)"),
        ("RequestedProcedureDescription", "Requested Procedure Description (0032,1060)"),
        ("PerformedProcedureStepDescription", "Performed Procedure Step Description (0040,0254)"),
        ("ImageComments", "Image Comments (0020,4000)"),
    ],
)
def test_match_when_words_of_the_order_name_another_agent_then_the_element_is_named(
    writer: StudyWriter, match: Match, where: str, name: str
) -> None:
    standard(writer)
    told: dict[str, Any] = {where: "MR Liver w/ Dotarem"}
    writer.series("Ax T1 delay", T1, 300, **GADOXETATE, **told)
    result = match()
    assert result.code == "SM-AGENT"
    assert f"'dotarem' stands in {name}" in result.message


@pytest.mark.parametrize(
    "text", ["MR Leber Primovist, kein Dotarem", "MRI liver Eovist", "Jodallergie", "Abdomen"]
)
def test_match_when_words_of_the_order_name_no_other_agent_that_was_given_then_it_accepts(
    writer: StudyWriter, match: Match, text: str
) -> None:
    writer.person = {"StudyDescription": text, "ImageComments": text}
    standard(writer)
    assert match().code is None
