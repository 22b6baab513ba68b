"""What `analyse --labs` gives the pipeline."""

import errno
import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from config.analytes import load_analytes
from config.series_rules import load_series_rules
from node.analysis.offline import NO_LABS, OfflineOutcome, analyse_folder
from node.cli import app
from node.cli.output import ExitCode
from node.labs.csv_file import read_labs
from node.labs.csv_table import COLUMNS
from pipeline.clinical import clinical_features
from pipeline.errors import TransientError
from pipeline.specimen import Examined
from pipeline.study import FIXED_ROLE, Analyte, Study
from tests.unit.dicom_io.assembly.header_studies import T1, StudyWriter, standard
from tests.unit.dicom_io.results.synthetic_study import MODEL, make_analysis

RULES = load_analytes()
EXAMINED = date(2024, 3, 5)
TODAY = date(2026, 3, 1)
BUNDLE: Any = SimpleNamespace(identity=MODEL, settings=SimpleNamespace(lesions=SimpleNamespace(margin_mm=5.0)))
OTHERS = ("ggt_u_per_l,40,U/L", "total_protein_g_per_l,70,g/L", "lymphocyte_percent,30,%",
          "fibrinogen_g_per_l,3,g/L", "hbcab_positive,1,1")  # fmt: skip


@pytest.fixture(autouse=True)
def headers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pixels of these studies show no body, which is refused elsewhere."""
    monkeypatch.setattr("node.analysis.tools.inspect", lambda match, _volumes, _rules: match)


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

    with pytest.raises(TransientError):
        analyse_folder(
            writer.folder,
            tmp_path,
            BUNDLE,
            rules=load_series_rules(),
            analytes=RULES,
            labs=read_labs(labs, RULES, today=TODAY),
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
    images = Examined(study.examined_on, study.began_at)
    found = clinical_features(study.clinical, tumour_size_mm=30, examined=images, rules=RULES)
    assert found.complete is None
    assert found.missing == (Analyte.AST.value,)
    (warning,) = found.warnings
    assert "1096 days before the images" in warning


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        (None, False),
        ([], True),
        (["SOMEBODY-ELSE,ast_u_per_l,31,U/L,"], True),
        (["{patient_id},ast_u_per_l,31,U/L,"], False),
    ],
)
def test_analyse_when_a_file_holds_nothing_of_the_patient_then_result_and_report_say_so(
    tmp_path: Path, lines: list[str] | None, warned: bool
) -> None:
    writer = StudyWriter(tmp_path / "in")
    writer.folder.mkdir()
    standard(writer)
    path = tmp_path / "labs.csv"
    own = [line.format(patient_id=writer.patient_id) for line in lines or ()]
    path.write_text("\n".join((",".join(COLUMNS), *own)) + "\n", encoding="utf-8")
    (outcome,) = analyse_folder(
        writer.folder,
        tmp_path / "out",
        BUNDLE,
        rules=load_series_rules(),
        analytes=RULES,
        labs=None if lines is None else read_labs(path, RULES, today=TODAY),
        on_stage=lambda _: None,
        analyse=lambda study, _: make_analysis(study.volumes[FIXED_ROLE].grid),
    )
    assert (NO_LABS in outcome.document["warnings"]) is warned
    report = (outcome.folder / "sr.dcm").read_bytes()
    assert (NO_LABS.encode() in report) is warned
    assert b"SOMEBODY-ELSE" not in report


def test_analyse_when_it_cannot_begin_then_no_folder_is_left(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["analyse", str(tmp_path / "in"), "--out", str(out)])
    assert result.exit_code == ExitCode.FAILED
    assert not out.exists()


def test_analyse_when_a_file_holds_nothing_of_the_patient_then_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "labs.csv"
    path.write_text(f"{','.join(COLUMNS)}\nSOMEBODY-ELSE,ast_u_per_l,31,U/L,\n", encoding="utf-8")
    outcome = OfflineOutcome(tmp_path, None, {"warnings": [NO_LABS]})
    monkeypatch.setattr("node.analysis.offline.analyse_folder", lambda *_, **__: [outcome])
    result = CliRunner().invoke(
        app, ["analyse", str(tmp_path), "--out", str(tmp_path), "--labs", str(path), "--json"]
    )
    assert result.exit_code == ExitCode.DONE
    assert result.stderr == ("mvi-node: labs.csv holds no values for this patient; check the patient_id column\n")


def test_analyse_when_something_is_closed_then_terminal_result_match_and_report_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = StudyWriter(tmp_path / "in")
    writer.folder.mkdir()
    standard(writer)
    closed = sorted(writer.folder.glob("*.dcm"))[-1]
    opened = Path.open

    def refuse(path: Path, *mode: Any, **options: Any) -> Any:
        if path == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *mode, **options)

    # root may read everything, so that rights alone would not show it.
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr("node.models.choice.load_active_bundle", lambda *_: BUNDLE)
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["analyse", str(writer.folder), "--out", str(out)])
    assert result.exit_code == ExitCode.REFUSED
    said = f"{closed.name} is a file that cannot be read: permission denied"
    assert said in result.stdout
    document = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert document["code"] == "SM-UNREADABLE"
    assert said in document["message"]
    assert said in json.loads((out / "match.json").read_text(encoding="utf-8"))["message"]
    assert said.encode() in (out / "sr.dcm").read_bytes()


def test_analyse_when_a_folder_holds_two_patients_then_each_folder_is_named_with_its_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = []
    for patient in ("ANNA", "BERT"):
        writer = StudyWriter(tmp_path / "in" / patient, patient_id=patient)
        writer.folder.mkdir(parents=True)
        writer.series("Ax T1 pre", T1, 0)
        uids.append(writer.study_instance_uid)
    monkeypatch.setattr("node.models.choice.load_active_bundle", lambda *_: BUNDLE)
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["analyse", str(tmp_path / "in"), "--out", str(out)])
    assert result.exit_code == ExitCode.REFUSED
    for number, uid in enumerate(sorted(uids), start=1):
        assert f"\n{out}/study-{number} is study {uid}\n" in result.stdout
        told = json.loads((out / f"study-{number}" / "result.json").read_text(encoding="utf-8"))
        assert told["study_instance_uid"] == uid
    assert "ANNA" not in result.output
