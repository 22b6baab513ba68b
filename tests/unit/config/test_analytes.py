"""The rules of the laboratory values."""

from pathlib import Path

import pytest

from config.analytes import load_analytes
from config.errors import ConfigError
from pipeline.analysis import ANALYTE_UNITS
from pipeline.study import Analyte


def test_bundled_rules_cover_every_analyte_and_its_unit() -> None:
    rules = load_analytes()
    assert set(rules.analytes) == {analyte.value for analyte in Analyte}
    for analyte, unit in ANALYTE_UNITS.items():
        assert rules.analytes[analyte.value].units[unit] == 1


@pytest.mark.parametrize(
    ("analyte", "unit", "number", "expected"),
    [
        (Analyte.TOTAL_PROTEIN, "g/dL", 7.1, 71.0),
        (Analyte.FIBRINOGEN, "mg/dL", 290.0, 2.9),
        (Analyte.AST, "ukat/L", 0.5, 30.0),
        (Analyte.LYMPHOCYTE_RATIO, "1", 0.3, 30.0),
    ],
)
def test_conversions_have_their_textbook_value(
    analyte: Analyte, unit: str, number: float, expected: float
) -> None:
    rule = load_analytes().analytes[analyte.value]
    assert number * rule.units[unit] == pytest.approx(expected)
    assert rule.is_plausible(expected)


def test_codes_of_the_wrong_specimen_are_refused_by_name() -> None:
    rules = load_analytes().analytes
    assert {item.code for item in rules["total_protein_g_per_l"].rejected} == {"2888-6"}
    assert "1920-8" in {item.code for item in rules["ast_u_per_l"].loinc}


def test_wrong_file_is_refused_with_every_error(tmp_path: Path) -> None:
    path = tmp_path / "analytes.toml"
    path.write_text(
        'version = "1"\n[analytes.x]\ndisplay = "X"\nplausible = [5, 1]\nunits = { "g/L" = -1 }\n'
        'loinc = [{ code = "abc", display = "x" }]\nsurprise = 1\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_analytes(path)
    named = " ".join(caught.value.problems)
    for key in ("version", "analytes.x.units.g/L", "analytes.x.loinc.0.code", "analytes.x.surprise"):
        assert key in named


@pytest.mark.parametrize("content", [None, "version = ", b"\xff\xfe"])
def test_unreadable_file_is_a_config_error(tmp_path: Path, content: str | bytes | None) -> None:
    path = tmp_path / "analytes.toml"
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_analytes(path)


def test_site_file_when_it_adds_codes_names_and_units_then_the_built_in_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(
        'version = "1.1.1"\n[window]\ndays_before = 14\n[analytes.ast_u_per_l]\nplausible = [1, 9000]\n'
        'local = [{ code = "GOT7", system = "99LAB" }]\ntext = ["got 7"]\nunits = { "nkat/L" = 0.06 }\n',
        encoding="utf-8",
    )
    rules, own = load_analytes(), load_analytes(path)
    ast = own.analytes["ast_u_per_l"]
    assert (own.version, own.window.days_before, ast.plausible) == ("1.1.1", 14, (1, 9000))
    assert ast.local[0].code == "GOT7"
    assert set(ast.text) == {*rules.analytes["ast_u_per_l"].text, "got 7"}
    assert ast.factor("nkat/L") == 0.06
    assert ast.factor("u/L") == 1
    assert own.analytes["ggt_u_per_l"] == rules.analytes["ggt_u_per_l"]


def test_site_file_when_it_keeps_the_version_then_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text("[window]\ndays_before = 14\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="version"):
        load_analytes(path)


def test_every_loinc_name_when_read_as_text_then_names_its_analyte_and_no_other() -> None:
    analytes = load_analytes().analytes
    for name, rule in analytes.items():
        for item in rule.loinc:
            assert [other for other, its in analytes.items() if its.is_named_in(item.display)] == [name]
