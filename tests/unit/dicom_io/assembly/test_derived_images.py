"""Images that were computed from others: calculated b-values, maps, and phases that call themselves derived."""

from pathlib import Path
from typing import Any

import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import match_studies, scan_folder
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    DWI,
    StudyWriter,
    chosen,
    codes,
    standard,
)

_WEIGHTED = [{"DiffusionBValue": 0}, {"DiffusionBValue": 800}]
_DERIVED = ["DERIVED", "PRIMARY", "DIFFUSION"]


@pytest.mark.parametrize(
    ("name", "image_type"),
    [
        ("ep2d_diff_cb800", _DERIVED[:0]),
        ("virtual_b800", _DERIVED[:0]),
        ("DWI synthetic b800", _DERIVED[:0]),
        ("DWI b800 berechnet", _DERIVED[:0]),
        ("ep2d_diff", _DERIVED),
        ("ep2d_diff", [*_DERIVED, "NONE"]),
    ],
)
def test_match_when_the_only_weighted_images_are_computed_then_there_is_no_diffusion(
    writer: StudyWriter, match: Match, name: str, image_type: list[str]
) -> None:
    standard(writer, without=("DWI",))
    elements: dict[str, Any] = {"ImageType": image_type} if image_type else {}
    writer.series("ep2d_diff", DWI, 700, phases=[{"DiffusionBValue": 50}, {"DiffusionBValue": 400}])
    computed = writer.series(name, DWI, 760, DiffusionBValue=800, **elements)
    result = match()
    assert result.code == "SM-MISSING-DWI"
    assert codes(result)[computed] == {"CALCULATED-B"}


@pytest.mark.parametrize(
    ("name", "image_type"),
    [("ep2d_diff", [*_DERIVED, "TRACEW"]), ("ep2d_diff_trace", _DERIVED), ("ep2d_diff", [*_DERIVED, "ISO"])],
)
def test_match_when_a_derived_diffusion_image_is_a_trace_then_it_is_taken(
    writer: StudyWriter, match: Match, name: str, image_type: list[str]
) -> None:
    standard(writer, without=("DWI",))
    trace = writer.series(name, DWI, 700, phases=_WEIGHTED, ImageType=image_type)
    result = match()
    assert result.code is None
    assert chosen(result)["DWI"] == trace


def test_match_when_the_images_behind_a_derived_one_are_there_then_one_of_them_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    writer.series("Ax DWI mean", DWI, 760, DiffusionBValue=800, ImageType=_DERIVED)
    assert match().code in (None, "SM-AMBIG-DWI")


def test_match_when_diffusion_is_called_after_its_map_too_then_only_the_map_is_rejected(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("DWI",))
    phases: list[dict[str, Any]] = [*_WEIGHTED, {"ImageType": [*_DERIVED, "ADC"]}]
    both = writer.series("Ax DWI + ADC", DWI, 700, phases=phases)
    result = match()
    assert chosen(result)["DWI"] == both
    assert codes(result)[both] >= {"ADC"}


@pytest.mark.parametrize("name", ["Ax DWI + ADC", "DWI (10-6 mm2/s)", "Ax dADC", "DWI isoADC", "DWI ACD"])
def test_match_when_only_the_map_of_diffusion_is_there_then_it_is_missing(
    writer: StudyWriter, match: Match, name: str
) -> None:
    standard(writer, without=("DWI",))
    alone = writer.series(name, DWI, 700, DiffusionBValue=800)
    result = match()
    assert result.code == "SM-MISSING-DWI"
    assert codes(result)[alone] <= {"ADC", "MAP"}


def test_match_when_all_phases_call_themselves_derived_then_value_and_rule_are_told(
    writer: StudyWriter, match: Match
) -> None:
    writer.person = {"ImageType": ["DERIVED", "PRIMARY", "OTHER"]}
    standard(writer)
    message = match().message
    assert "DERIVED\\PRIMARY\\OTHER" in message and "[decision] derived" in message


def test_match_when_a_site_allows_derived_images_then_they_are_taken(writer: StudyWriter, tmp_path: Path) -> None:
    writer.person = {"ImageType": ["DERIVED", "PRIMARY", "OTHER"]}
    standard(writer)
    rules = load_series_rules()
    allowed = rules.model_copy(update={"decision": rules.decision.model_copy(update={"derived": "allow"})})
    (result,) = match_studies(scan_folder(tmp_path), allowed)
    assert result.code is None
