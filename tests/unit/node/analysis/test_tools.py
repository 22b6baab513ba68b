"""The rules in force reach series matching and the key of the result UIDs."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.analytes import load_analytes
from config.series_rules import SeriesRules, load_series_rules
from dicom_io.results.report_object import PriorReport
from dicom_io.results.written import ResultContext
from node.analysis import tools as analysis_tools
from node.analysis.tools import make_tools, settings_sha256
from tests.unit.dicom_io.assembly.header_studies import StudyWriter, standard

RULES, ANALYTES = load_series_rules(), load_analytes()
OTHER = RULES.model_copy(update={"diffusion": RULES.diffusion.model_copy(update={"b_s_per_mm2": (100.0, 500.0)})})
EARLIER = PriorReport("1.2", "1.2.3", "1.2.3.4")
BUNDLE: Any = SimpleNamespace(settings=SimpleNamespace(lesions=SimpleNamespace(margin_mm=5.0)))


def never(*_: object) -> Any:
    raise AssertionError


def written_with(monkeypatch: pytest.MonkeyPatch, rules: SeriesRules) -> ResultContext:
    """Return the context that the tools hand to the writer."""
    given: dict[str, Any] = {}

    def write_results(*_: object, **keywords: object) -> None:
        given.update(keywords)

    monkeypatch.setattr(analysis_tools, "write_results", write_results)
    timing_s: Mapping[str, float] = {}
    nothing: Any = None
    make_tools(BUNDLE, never, rules, ANALYTES).write(nothing, nothing, Path(), timing_s, [EARLIER], {})
    context: ResultContext = given["context"]
    return context


def test_tools_when_the_rules_differ_then_the_results_get_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = (written_with(monkeypatch, RULES).settings_sha256 for _ in range(2))
    assert first == again == settings_sha256(RULES, ANALYTES)
    assert len(first) == 64
    assert written_with(monkeypatch, OTHER).settings_sha256 != first


def test_tools_when_there_is_an_earlier_report_then_the_writer_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written_with(monkeypatch, RULES).earlier_reports == (EARLIER,)


def test_settings_digest_when_the_analyte_rules_differ_then_it_differs() -> None:
    later = ANALYTES.model_copy(update={"window": ANALYTES.window.model_copy(update={"days_after": 3})})
    assert settings_sha256(RULES, later) != settings_sha256(RULES, ANALYTES)


@pytest.mark.parametrize(("rules", "code"), [(RULES, None), (OTHER, "SM-MISSING-DWI")])
def test_tools_when_a_site_has_its_own_rules_then_they_match_the_series(
    tmp_path: Path, rules: SeriesRules, code: str | None
) -> None:
    writer = StudyWriter(tmp_path)
    standard(writer)
    tools = make_tools(BUNDLE, never, rules, ANALYTES)
    assert tools.match(writer.study_instance_uid, sorted(tmp_path.glob("*.dcm")), ()).code == code
