"""What `analyse --labs` gives the pipeline."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.analytes import load_analytes
from config.series_rules import load_series_rules
from node.labs.csv_file import COLUMNS, read_labs
from node.offline import analyse_folder
from pipeline.clinical import clinical_features
from pipeline.errors import TransientError
from pipeline.study import Analyte, Study
from tests.unit.dicom_io.assembly.header_studies import StudyWriter, standard

RULES = load_analytes()
EXAMINED = date(2024, 3, 5)
OTHERS = ("ggt_u_per_l,40,U/L", "total_protein_g_per_l,70,g/L", "lymphocyte_percent,30,%",
          "fibrinogen_g_per_l,3,g/L", "hbcab_positive,1,1")  # fmt: skip


def study_given_to_the_pipeline(tmp_path: Path, *ast: str) -> Study:
    """Run the offline path on a study of 2024-03-05 with these lines of AST, up to the pipeline."""
    writer = StudyWriter(tmp_path / "in")
    writer.folder.mkdir()
    standard(writer)
    lines = [f"{writer.patient_id},{other},2024-03-01" for other in OTHERS]
    lines += [f"{writer.patient_id},ast_u_per_l,{line}" for line in ast]
    labs = tmp_path / "labs.csv"
    labs.write_text("\n".join((",".join(COLUMNS), *lines)) + "\n", encoding="utf-8")
    given: list[Study] = []

    def stop(study: Study, _bundle: object) -> Any:
        given.append(study)
        raise TransientError("ENOUGH", "The study is all that is looked at.", stage="register")

    bundle: Any = SimpleNamespace(settings=SimpleNamespace(lesions=SimpleNamespace(margin_mm=5.0)))
    with pytest.raises(TransientError):
        analyse_folder(
            writer.folder,
            tmp_path,
            bundle,
            rules=load_series_rules(),
            labs=read_labs(labs, RULES),
            on_stage=lambda _: None,
            analyse=stop,
        )
    (study,) = given
    return study


def test_analyse_when_values_lie_around_the_images_then_the_nearest_inside_the_window_is_used(
    tmp_path: Path,
) -> None:
    study = study_given_to_the_pipeline(tmp_path, "31,U/L,2024-02-10", "32,U/L,2024-03-02", "900,U/L,2024-03-20")
    found = study.clinical[Analyte.AST]
    assert (study.examined_on, found.value, found.collected_on) == (EXAMINED, 32, date(2024, 3, 2))


def test_analyse_when_the_only_value_is_years_old_then_it_is_missing_and_named(tmp_path: Path) -> None:
    study = study_given_to_the_pipeline(tmp_path, "31,U/L,2021-03-05")
    found = clinical_features(study.clinical, tumour_size_mm=30, examined_on=study.examined_on, rules=RULES)
    assert found.complete is None
    assert found.missing == (Analyte.AST.value,)
    (warning,) = found.warnings
    assert "1096 days before the images" in warning
