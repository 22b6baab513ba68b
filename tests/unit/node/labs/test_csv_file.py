from datetime import date
from pathlib import Path

import pytest

from config.analytes import load_analytes
from node.labs.csv_file import read_lab_file, read_labs
from node.labs.csv_table import LabFileError
from node.labs.observation import PatientIdentity
from pipeline.study import Analyte, ClinicalValue

RULES = load_analytes()
TODAY = date(2026, 3, 1)
HEADER = "patient_id,analyte,value,unit,collected_on\n"


def labs(tmp_path: Path, *lines: str, header: str = HEADER) -> Path:
    path = tmp_path / "labs.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def received(value: float, text: str, unit: str, day: str = "") -> ClinicalValue:
    collected_on = date.fromisoformat(day) if day else None
    return ClinicalValue(value, collected_on, "csv", original_value=text, original_unit=unit, collected_at=day)


def test_read_labs_when_the_file_is_right_then_gives_values_by_patient(tmp_path: Path) -> None:
    path = labs(tmp_path, "P1,ast_u_per_l,42.5,U/L,2026-02-01", "P2,hbcab_positive,1,1,", "P1,ggt_u_per_l,60,U/L,")
    assert read_labs(path, RULES, today=TODAY).by_patient == {
        PatientIdentity("P1"): {
            Analyte.AST: [received(42.5, "42.5", "U/L", "2026-02-01")],
            Analyte.GGT: [received(60.0, "60", "U/L")],
        },
        PatientIdentity("P2"): {Analyte.HBCAB: [received(1.0, "1", "1")]},
    }


def test_read_labs_when_an_analyte_comes_twice_then_both_are_kept_for_the_examination_to_choose(
    tmp_path: Path,
) -> None:
    lines = ["P1,ast_u_per_l,20,U/L,2026-02-01", "P1,ast_u_per_l,10,U/L,2026-01-01"]
    assert [
        value.value for value in read_labs(labs(tmp_path, *lines), RULES, today=TODAY).of("P1", "")[Analyte.AST]
    ] == [
        20,
        10,
    ]


@pytest.mark.parametrize(
    ("line", "because"),
    [
        (",ast_u_per_l,1,U/L,", "no patient_id"),
        ("P1\x00,ast_u_per_l,42,U/L,", "printable"),
        (f"{'9' * 256},ast_u_per_l,42,U/L,", "at most 255 characters"),
        ("P1,ast_u_per_l,42,U/L", "fewer than 5 columns"),
        ("P1,sodium,1,mmol/L,", "unknown analyte"),
        ("P1,total_protein_g_per_l,7.2,mmol/L,", "must be in one of g/L, g/dL"),
        ("P1,ast_u_per_l,high,U/L,", "not one number"),
        ("P1,ast_u_per_l,nan,U/L,", "not one number"),
        ("P1,ast_u_per_l,-4,U/L,", "plausible from 3 to 10000"),
        ("P1,hbcab_positive,2,1,", "neither positive nor negative"),
        ("P1,total_protein_g_per_l,7.2,g/L,", "plausible from 20 to 150"),
        ("P1,ast_u_per_l,40,,", "must be in one of"),
        ("P1,ast_u_per_l,40,U/L,2026-03-03", "in the future"),
        ("P1,ast_u_per_l,1,U/L,01.02.2026", "YYYY-MM-DD"),
        ("P1,ast_u_per_l,1,U/L,2026-02-01,more", "more than 5 columns"),
        ("P1,Total protein (urine),50,g/L,", "brackets"),
        ("P1,Fibrinogen [antigen],3,g/L,", "brackets"),
        ("P1,HBcAb (IgM),positive,1,", "brackets"),
        ("P1,HBcAb (IgM),positive,,", "has no unit"),
        ("P1,Lymphocytes (absolute),30,%,", "brackets"),
        ("P1,AST [U/L],1,ukat/L,", "brackets"),
        ("P9,AST [U/L],11,u/l,", "another value of ast_u_per_l of the same specimen is on line 2"),
        ("P9,ast_u_per_l,<10,U/L,", "another value of ast_u_per_l of the same specimen is on line 2"),
    ],
)
def test_read_labs_when_a_line_is_wrong_then_names_it(tmp_path: Path, line: str, because: str) -> None:
    with pytest.raises(LabFileError, match=f"line 3: .*{because}"):
        read_labs(labs(tmp_path, "P9,ast_u_per_l,10,U/L,", line), RULES, today=TODAY)


def test_read_labs_when_several_lines_are_wrong_then_names_them_all_and_no_patient(tmp_path: Path) -> None:
    path = labs(tmp_path, "Doe,sodium,1,mmol/L,", "Doe,ast_u_per_l,high,U/L,")
    with pytest.raises(LabFileError, match=r"line 2: .*line 3: ") as caught:
        read_labs(path, RULES, today=TODAY)
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "a,b\n", "patient_id;analyte\n"])
def test_read_labs_when_the_header_is_wrong_then_says_what_it_must_be(tmp_path: Path, content: str) -> None:
    with pytest.raises(LabFileError, match="patient_id,analyte,value,unit,collected_on"):
        read_labs(labs(tmp_path, header=content), RULES, today=TODAY)


def test_read_labs_when_it_is_no_text_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_bytes(HEADER.encode() + b"\xff\xfe\x00")
    with pytest.raises(LabFileError, match="UTF-8"):
        read_labs(path, RULES, today=TODAY)


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
    ((found,),) = read_labs(labs(tmp_path, line), RULES, today=TODAY).of("P1", "").values()
    assert found.value == pytest.approx(value)


WIDE = "patient_id,issuer,collected_on,AST [U/L],2885-2 Total protein (g/dL),HBcAb\n"


def rows(path: Path, *, dated: bool = True) -> list[tuple[int, str, str, Analyte, float]]:
    found = read_lab_file(path, RULES, today=TODAY, dated=dated)
    return [
        (row.line, row.patient.patient_id, row.patient.issuer, row.value.analyte, row.value.value)
        for row in found.rows
    ]


def test_read_lab_file_when_the_units_stand_in_the_header_then_each_cell_is_a_value(tmp_path: Path) -> None:
    path = labs(tmp_path, "P1,hosp&1.2.3&ISO,2026-02-01,41,7.1,neg", "P1,,2026-02-02,,6.9,", header=WIDE)
    assert rows(path) == [
        (2, "P1", "HOSP", Analyte.AST, 41.0),
        (2, "P1", "HOSP", Analyte.TOTAL_PROTEIN, pytest.approx(71)),
        (2, "P1", "HOSP", Analyte.HBCAB, 0.0),
        (3, "P1", "", Analyte.TOTAL_PROTEIN, pytest.approx(69)),
    ]


@pytest.mark.parametrize(
    ("column", "because"),
    [
        ("sodium [mmol/L]", "unknown analyte"),
        ("2324-2 ALT [U/L]", "does not name GGT"),
        ("AST [mg/dL]", "must be in one of"),
        ("AST", "must be in one of"),
        ("19177-5 AFP [ng/mL]", "amount of substance"),
        ("2888-6 Protein [g/L]", "protein in urine"),
    ],
)
def test_read_lab_file_when_a_column_is_no_analyte_in_its_unit_then_says_so(
    tmp_path: Path, column: str, because: str
) -> None:
    path = labs(tmp_path, "P1,2026-02-01,40", header=f"patient_id,collected_on,{column}\n")
    with pytest.raises(LabFileError, match=because):
        rows(path)


def test_read_lab_file_when_values_are_kept_then_each_needs_its_day(tmp_path: Path) -> None:
    path = labs(tmp_path, "P1,ast_u_per_l,40,U/L,")
    with pytest.raises(LabFileError, match="no collection date"):
        rows(path)
    assert len(rows(path, dated=False)) == 1


def test_read_lab_file_when_a_value_is_a_bound_then_it_is_kept_as_one(tmp_path: Path) -> None:
    (row,) = read_lab_file(labs(tmp_path, "P1,ast_u_per_l,<5,U/L,2026-02-01"), RULES, today=TODAY).rows
    assert (row.value.comparator, row.value.value, row.value.original_value) == ("<", 5.0, "<5")


def test_read_lab_file_when_a_specimen_has_two_values_of_an_analyte_then_the_line_is_refused(
    tmp_path: Path,
) -> None:
    header = "patient_id,collected_on,AST [U/L],1920-8 AST [U/L]\n"
    assert len(rows(labs(tmp_path, "P1,2026-02-01,40,40", "P1,2026-02-02,50,", header=header))) == 3
    with pytest.raises(LabFileError, match=r"line 2: another value of ast_u_per_l .* line 2"):
        rows(labs(tmp_path, "P1,2026-02-01,40,50", header=header))


def test_read_lab_file_when_the_unit_stands_behind_the_name_and_beside_it_then_it_is_taken(tmp_path: Path) -> None:
    assert [row[-1] for row in rows(labs(tmp_path, "P1,AST [U/L],40,u/l,2026-02-01"))] == [40]
