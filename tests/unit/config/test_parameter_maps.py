"""The text format of elastix."""

from pathlib import Path

import pytest

from config import parameter_maps
from config.errors import ConfigError
from config.parameter_maps import parse_parameter_map, read_parameter_map


def test_parse_reads_quoted_and_bare_values() -> None:
    text = '// a comment (with "things")\n\n(Metric "Mattes")\n(Schedule 4 4 "1" 0.5)\n'
    assert parse_parameter_map(text) == {"Metric": ("Mattes",), "Schedule": ("4", "4", "1", "0.5")}


@pytest.mark.parametrize(
    "line", ["Metric Mattes", '(Metric "Mattes"', "(Metric)", '(Metric "A") // why', '(A "1")\n(A "2")']
)
def test_parse_of_a_line_that_is_no_entry_names_it(line: str) -> None:
    with pytest.raises(ValueError, match="is not an elastix parameter, or occurs twice"):
        parse_parameter_map(line)


def test_rigid_map_names_its_source_in_line_one_and_is_rigid() -> None:
    parameters = read_parameter_map("rigid")
    assert parameters["Transform"] == ("EulerTransform",)
    assert parameters["Metric"] == ("AdvancedMattesMutualInformation",)
    assert len(parameters["ImagePyramidSchedule"]) == 3 * int(parameters["NumberOfResolutions"][0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('(Transform "AffineTransform")\n', "Transform is AffineTransform; this step reads EulerTransform alone"),
        ('(Metric "Mattes")\n', "Transform is missing"),
        ("Transform\n", "line 1 is not an elastix parameter"),
    ],
)
def test_map_when_a_site_spoilt_it_then_the_file_and_the_reason_are_named(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elastix").mkdir()
    (tmp_path / "elastix" / "rigid.txt").write_text(text, encoding="utf-8")
    monkeypatch.setattr(parameter_maps, "files", lambda _: tmp_path)
    with pytest.raises(ConfigError, match=rf"config/elastix/rigid\.txt: {said}"):
        read_parameter_map()
