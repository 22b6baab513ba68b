"""The text format of elastix."""

import pytest

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
