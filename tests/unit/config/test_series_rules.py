from pathlib import Path

import pytest

from config.errors import ConfigError
from config.series_rules import DEFAULT_RULES_FILE, load_series_rules


def changed(tmp_path: Path, *replacements: tuple[str, str]) -> Path:
    text = DEFAULT_RULES_FILE.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_load_when_no_file_is_named_then_the_product_rules_hold() -> None:
    rules = load_series_rules()
    assert rules.decision.margin == 2.0
    assert rules.time.portal_s == (45.0, 110.0)


def test_load_when_a_site_adds_a_term_then_it_is_read(tmp_path: Path) -> None:
    rules = load_series_rules(changed(tmp_path, ('arterial = ["art"', 'arterial = ["fase a", "art"')))
    assert rules.lexicon.arterial[0] == "fase a"


def test_load_when_several_keys_are_wrong_then_all_are_named(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        ("margin = 2.0", "margin = -1"),
        ("portal_s = [45.0, 110.0]", "portal_s = [110.0, 45.0]"),
        ('arterial_pick = "late"', 'arterial_pick = "best"'),
        ('subtraction = ["sub"', 'subtraction = ["(", "sub"'),
        ("T1_PRE = 1.5", "T1_PREE = 1.5"),
        ("minimum_slices = 8", "minimum_slices = 8\nunknown = 1"),
    )
    with pytest.raises(ConfigError) as caught:
        load_series_rules(path)
    message = str(caught.value)
    for key in (
        "decision.margin",
        "time.portal_s",
        "time.arterial_pick",
        "lexicon.subtraction",
        "weights.fat_suppressed",
        "geometry.unknown",
    ):
        assert key in message
    assert "T1_PRE is missing" in message
    assert len(caught.value.problems) == 6


@pytest.mark.parametrize("content", ["not = [toml", ""])
def test_load_when_the_file_is_no_rules_then_it_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_series_rules(path)


def test_load_when_the_file_is_absent_then_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_series_rules(tmp_path / "absent.toml")
