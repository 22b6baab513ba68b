from datetime import date
from pathlib import Path

import pytest

from config.analytes import load_analytes
from node.labs.csv_file import LabFileError, read_labs
from pipeline.study import Analyte, ClinicalValue

RULES = load_analytes()
HEADER = "patient_id,analyte,value,unit,collected_on\n"


def labs(tmp_path: Path, *lines: str, header: str = HEADER) -> Path:
    path = tmp_path / "labs.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_read_labs_when_the_file_is_right_then_gives_values_by_patient(tmp_path: Path) -> None:
    path = labs(tmp_path, "P1,ast_u_per_l,42.5,U/L,2026-02-01", "P2,hbcab_positive,1,1,", "P1,ggt_u_per_l,60,U/L,")
    assert read_labs(path, RULES) == {
        "P1": {
            Analyte.AST: [ClinicalValue(42.5, date(2026, 2, 1), "csv")],
            Analyte.GGT: [ClinicalValue(60.0, None, "csv")],
        },
        "P2": {Analyte.HBCAB: [ClinicalValue(1.0, None, "csv")]},
    }


def test_read_labs_when_an_analyte_comes_twice_then_both_are_kept_for_the_examination_to_choose(
    tmp_path: Path,
) -> None:
    lines = ["P1,ast_u_per_l,2,U/L,2026-02-01", "P1,ast_u_per_l,1,U/L,2026-01-01"]
    assert [value.value for value in read_labs(labs(tmp_path, *lines), RULES)["P1"][Analyte.AST]] == [2, 1]


@pytest.mark.parametrize(
    ("line", "because"),
    [
        (",ast_u_per_l,1,U/L,", "no patient_id"),
        ("P1,sodium,1,mmol/L,", "unknown analyte"),
        ("P1,total_protein_g_per_l,7.2,mmol/L,", "must be in one of g/L, g/dL"),
        ("P1,ast_u_per_l,high,U/L,", "not a number"),
        ("P1,ast_u_per_l,nan,U/L,", "not a possible value"),
        ("P1,ast_u_per_l,-4,U/L,", "not a possible value"),
        ("P1,hbcab_positive,2,1,", "not a possible value"),
        ("P1,ast_u_per_l,1,U/L,01.02.2026", "YYYY-MM-DD"),
        ("P1,ast_u_per_l,1,U/L,2026-02-01,more", "more than 5 columns"),
    ],
)
def test_read_labs_when_a_line_is_wrong_then_names_it(tmp_path: Path, line: str, because: str) -> None:
    with pytest.raises(LabFileError, match=f"line 3: .*{because}"):
        read_labs(labs(tmp_path, "P9,ast_u_per_l,1,U/L,", line), RULES)


def test_read_labs_when_several_lines_are_wrong_then_names_them_all_and_no_patient(tmp_path: Path) -> None:
    path = labs(tmp_path, "Doe,sodium,1,mmol/L,", "Doe,ast_u_per_l,high,U/L,")
    with pytest.raises(LabFileError, match=r"line 2: .*line 3: ") as caught:
        read_labs(path, RULES)
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "a,b\n", "patient_id;analyte\n"])
def test_read_labs_when_the_header_is_wrong_then_says_what_it_must_be(tmp_path: Path, content: str) -> None:
    with pytest.raises(LabFileError, match="patient_id,analyte,value,unit,collected_on"):
        read_labs(labs(tmp_path, header=content), RULES)


def test_read_labs_when_it_is_no_text_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_bytes(HEADER.encode() + b"\xff\xfe\x00")
    with pytest.raises(LabFileError, match="UTF-8"):
        read_labs(path, RULES)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("P1,total_protein_g_per_l,7.2,g/dL,", 72.0),
        ("P1,fibrinogen_g_per_l,310,mg/dL,", 3.1),
        ("P1,hbcab_positive,Positive,,", 1.0),
        ("P1,hbcab_positive,negative,,", 0.0),
    ],
)
def test_read_labs_when_the_unit_is_another_accepted_one_then_converts(
    tmp_path: Path, line: str, value: float
) -> None:
    ((found,),) = read_labs(labs(tmp_path, line), RULES)["P1"].values()
    assert found.value == pytest.approx(value)
