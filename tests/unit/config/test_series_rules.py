import json
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.matching_limits import PIXEL_CHECKS
from config.series_rules import DEFAULT_RULES_FILE, load_series_rules


def site(tmp_path: Path, content: str, version: str = 'version = "hospital 1"') -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(f"{version}\n{content}", encoding="utf-8")
    return path


def problems(path: Path) -> dict[str, str]:
    """Return what is wrong with a file, by key."""
    with pytest.raises(ConfigError) as caught:
        load_series_rules(path)
    assert all(problem.startswith("rules.toml: ") for problem in caught.value.problems)
    found = [problem.removeprefix("rules.toml: ").partition(": ") for problem in caught.value.problems]
    assert len({key for key, _, _ in found}) == len(found)
    return {key: sentence for key, _, sentence in found}


def test_load_when_no_file_is_named_then_the_product_rules_hold() -> None:
    rules = load_series_rules()
    assert rules.decision.margin == 2.0
    assert rules.time.portal_s == (45.0, 110.0)
    assert rules.label == rules.version


def test_load_when_a_site_gives_only_what_differs_then_the_rest_is_shipped(tmp_path: Path) -> None:
    shipped = load_series_rules()
    rules = load_series_rules(
        site(
            tmp_path,
            """
            [lexicon]
            arterial = ["fase a", "art"]
            [agents]
            gadoxetate = ["lebermittel"]
            [remove.lexicon]
            portal = ["pv"]
            [time]
            portal_s = [40, 110]
            [anatomy]
            other_body_parts = ["BRAIN"]
            [weights.text]
            T1_PORTAL = [2, -5]
            """,
        )
    )
    assert rules.lexicon.arterial == ("fase a", *shipped.lexicon.arterial)
    assert rules.agents.gadoxetate == ("lebermittel", *shipped.agents.gadoxetate)
    assert rules.lexicon.portal == tuple(term for term in shipped.lexicon.portal if term != "pv")
    assert (rules.time.portal_s, rules.time.arterial_s) == ((40.0, 110.0), shipped.time.arterial_s)
    assert rules.anatomy.other_body_parts == ("BRAIN",)
    assert rules.weights.text == {**shipped.weights.text, "T1_PORTAL": (2.0, -5.0)}
    assert (rules.version, rules.site_version) == (shipped.version, "hospital 1")
    assert rules.label == f"{shipped.version} with site rules hospital 1"
    assert load_series_rules() == shipped


def test_load_when_a_site_copied_the_whole_file_then_it_is_read_as_well(tmp_path: Path) -> None:
    copy = tmp_path / "rules.toml"
    copy.write_text(DEFAULT_RULES_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    shipped = load_series_rules()
    assert load_series_rules(copy) == shipped.model_copy(update={"site_version": shipped.version})


def test_load_when_several_keys_are_wrong_then_all_are_named(tmp_path: Path) -> None:
    found = problems(
        site(
            tmp_path,
            r"""
            unknown = 1
            site_version = "2"
            diffusion = [1]
            [decision]
            margin = -1
            candidates = true
            [time]
            portal_s = [110.0, 45.0]
            arterial_s = ["ten", 50.0]
            arterial_pick = "best"
            portal_targets = 70
            [physics.t1]
            flip_angle_deg = 12
            [geometry]
            minimum_slices = "8"
            [weights]
            thickness = -0.5
            [weights.text]
            T2 = [-2.0, -4.0]
            [weights.pixels]
            T1_PRE = [3.0, 3.0]
            [weights.fat_suppressed]
            T1_PREE = 1.5
            [lexicon]
            subtraction = ["(", "x*", "(a)b", "Sub", "a_b", "fine"]
            portal = "pv"
            [remove.lexicon]
            map = ["adc of ours"]
            maps = ["x"]
            [remove.agents]
            other = ["dotarem"]
            """,
            version="version = 7",
        )
    )
    assert found["unknown"] == "unknown key"
    assert found["time.portal_targets"] == "unknown key; portal_target_s is one"
    assert found["version"].startswith("name your rules")
    assert found["diffusion"] == "must be a table, not a list"
    assert found["decision.candidates"] == "must be a number, not true or false"
    assert found["geometry.minimum_slices"] == "must be a number, not a text"
    assert found["time.arterial_s"] == "each item must be a number, not 'ten'"
    assert found["physics.t1.flip_angle_deg"] == "must be a list, not a number"
    assert found["time.portal_s"].startswith("the first number must be below the second")
    assert found["weights.fat_suppressed.T1_PREE"].startswith("T1_PREE is no role that it can hold; they are T2, ")
    assert found["weights.text.T2"] == "item 1 should be greater than or equal to 0"
    assert found["lexicon.portal"] == "must be a list, not a text"
    for part in ("'(' is not", "'x*' matches empty", "'(a)b' has a group", "'Sub' never", "'a_b' never"):
        assert part in found["lexicon.subtraction"]
    assert found["remove.lexicon.map"] == "'adc of ours' is not among the shipped words"
    assert "lexicon alone" in found["remove"]
    assert found.keys() >= {
        "site_version", "decision.margin", "time.arterial_pick", "weights.thickness",
        "weights.pixels.T1_PRE", "remove.lexicon.maps",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "right"), [(0, False), (1, True), (PIXEL_CHECKS, True), (PIXEL_CHECKS + 1, False)]
)
def test_load_when_no_number_of_contradictions_could_refuse_then_it_is_refused(
    tmp_path: Path, number: int, right: bool
) -> None:
    path = site(tmp_path, f"[pixels]\ncontradictions = {number}")
    if right:
        assert load_series_rules(path).pixels.contradictions == number
    else:
        assert problems(path).keys() == {"pixels.contradictions"}


def test_load_when_every_word_of_a_concept_is_removed_then_it_is_refused(tmp_path: Path) -> None:
    terms = list(load_series_rules().lexicon.localizer)
    found = problems(site(tmp_path, f"[remove.lexicon]\nlocalizer = {json.dumps(terms)}"))
    assert found == {"lexicon.localizer": "holds no word"}


@pytest.mark.parametrize("content", ["not = [toml", ""])
def test_load_when_the_file_is_no_rules_then_it_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_series_rules(path)


def test_load_when_the_file_is_absent_then_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_series_rules(tmp_path / "absent.toml")
