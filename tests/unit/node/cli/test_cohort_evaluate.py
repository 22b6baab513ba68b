"""The whole evaluation, as an operator calls it."""

import json
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from config.analytes import load_analytes
from node.cli import app
from node.cohort.clinical import is_further
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.fitting import fit_setting
from pipeline.evaluation.further import aligned_with, with_further
from pipeline.evaluation.offline import Place, open_cohort
from pipeline.evaluation.rows import SETTINGS
from pipeline.evaluation.sections.clinical_table import table_s1
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.evaluation.splits import make_splits
from pipeline.training.extraction import FEATURES
from pipeline.training.manifest import load_manifest
from tests.unit.pipeline.evaluation.places import add_outlines, as_phantoms, name, write_place
from tests.unit.pipeline.training.cohorts import TRAINING

KEYS = (
    *("table_1", "table_2", "table_s1", "table_s2", "figure_2", "figure_3", "figure_4", "calibration"),
    *("decision_curve", "confusion", "delong", "bootstrap", "permutation", "learning_curve", "stability"),
    *("baselines", "external", "paper", "splits", "cohort", "provenance"),
)


def evaluate(place: Place, *arguments: str) -> tuple[int, str, str]:
    common = ("--repeats", "2", "--permutations", "2", "--work", str(place.work))
    result = CliRunner().invoke(app, ["cohort", "evaluate", str(place.file), *common, *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("evaluation")
    place = write_place(folder / "internal")
    add_outlines(place, 60)
    other = write_place(folder / "external", 30, seed=7)
    out = folder / "out"
    code, output, errors = evaluate(
        place, "--out", str(out), "--external", str(other.file), "--external-work", str(other.work), "--json"
    )
    assert code == 0, errors
    return out, json.loads(output)


def test_evaluate_when_everything_is_there_then_one_folder_holds_every_table_and_figure(
    written: tuple[Path, dict[str, Any]],
) -> None:
    out, printed = written
    document = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert document == printed
    assert all(document[key] and "unavailable" not in document[key] for key in KEYS)
    assert document["table_1"]["proposed"]["test"]["auc"]["mean"] > 0.65
    assert document["splits"]["seeds"] == [0, 1]
    assert document["cohort"]["with_invasion"] == 24
    assert document["external"]["proposed"]["patients"] == 30
    assert document["stability"]["T2_tumour"]["features"] == 10
    assert document["table_s2"]["registration_T2_gain"]["mean"] == pytest.approx(0.28)
    tables = {path.stem for path in (out / "tables").iterdir()}
    pictures = {path.name for path in (out / "figures").iterdir()}
    assert {"table_1", "table_2", "table_s1", "table_s2", "baselines", "delong", "paper"} <= tables
    for figure in ("figure_2", "figure_3", "figure_4", "calibration", "decision_curve", "permutation"):
        assert {f"{figure}.png", f"{figure}.svg"} <= pictures
    assert (out / "tables" / "table_1.csv").read_text(encoding="utf-8").count("\n") == 8
    # Two splits of 30 test patients; cases by their place in the cohort file, as everywhere.
    scores = (out / "tables" / "test_probabilities.csv").read_text(encoding="utf-8").splitlines()
    assert len(scores) == 61
    assert all(re.match(r"[12],patient-\d{4},[01],0\.\d+", line) for line in scores[1:])
    assert {"thresholds", "external_probabilities"} <= tables


def test_evaluate_when_the_file_has_further_clinical_columns_then_table_s1_describes_them_and_they_may_be_selected(
    tmp_path: Path,
) -> None:
    place = write_place(tmp_path, further=True)
    cells = {f"patient-{n:04d}": case.clinical for n, case in enumerate(load_manifest(place.file).cases, start=1)}
    further = partial(is_further, rules=load_analytes())
    cohort = with_further(open_cohort(place), cells, further, select=True)
    assert cohort.complete.sum() == 59
    settings = EvaluationSettings(repeats=2, select_clinical=True, epochs=(30,), training=TRAINING)
    splits = make_splits(cohort.mvi, repeats=2, seed=0, test_share=0.5, validation_share=0.1)
    rows = table_s1(cohort, splits, settings).numbers
    assert (rows["age"]["test"], rows["age"]["unit"], rows["age"]["patients"]) == ("Welch's t", "years", 59)
    # The column is the outcome: phi is 1, it is found in each training part, and it is used.
    assert (rows["hbv"]["test"], rows["hbv"]["selected_in_training_parts"]) == ("chi-squared", 2)
    assert rows["hbv"]["effect"] == pytest.approx(1.0)
    assert rows["child_pugh = B"]["test"] == "chi-squared"
    setting = next(row for row in SETTINGS if row.key == "clinical")
    fitted = fit_setting(cohort, splits[0], setting, settings, {})
    assert [column.name for n, column in enumerate(cohort.columns) if n in fitted.clinical] == ["hbv"]


def test_further_columns_when_they_are_not_selected_then_no_setting_uses_them_and_nobody_is_left_out(
    tmp_path: Path,
) -> None:
    place = write_place(tmp_path, further=True)
    cells: dict[str, dict[str, float | str]] = {name(n): {"age": float(n)} if n else {} for n in range(60)}
    cohort = with_further(open_cohort(place), cells, lambda column: column == "age", select=False)
    assert cohort.columns[-1].name == "age"
    assert cohort.used.tolist() == list(range(7))
    assert cohort.complete.all()
    other = aligned_with(open_cohort(place), cohort)
    assert other.columns == cohort.columns
    cells[name(3)] = {"age": "old"}
    with pytest.raises(EvaluationError, match="EV-COLUMN: column age"):
        with_further(open_cohort(place), cells, lambda column: column == "age", select=False)


def test_report_when_opened_then_needs_no_other_file_and_says_how_it_was_made(
    written: tuple[Path, dict[str, Any]],
) -> None:
    page = (written[0] / "report.html").read_text(encoding="utf-8")
    # Nothing is fetched: pictures are inside, links lead to places of the page.
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert not re.search(r"<script|@import|url\(", page)
    assert "For research use only" in page
    assert "mvi-node" in page
    assert re.search(r"SHA-256 of cohort, features and outcomes</td><td><code>[0-9a-f]{64}", page)
    assert "Version of torch" in page
    for title in ("Table 1.", "Table 2.", "Table S1.", "Table S2.", "Figure 2.", "Figure 3.", "Figure 4."):
        assert title in page
    assert "SHUFFLED" not in page and "PHANTOMS" not in page
    assert "On patients that it had never seen" in page
    assert page.count("data:image/svg+xml") >= 8


def test_evaluate_when_few_phantoms_with_shuffled_labels_are_taken_then_the_first_page_says_it_all(
    tmp_path: Path,
) -> None:
    place = write_place(tmp_path, 32)
    for number in (30, 31):
        (place.work / FEATURES / f"{name(number)}.npz").unlink()
    as_phantoms(place, 32)
    code, _, errors = evaluate(place, "--shuffle-labels")
    assert code == 0, errors
    assert "SHUFFLED" in errors
    out = place.work / "evaluation"
    first_page = (out / "report.html").read_text(encoding="utf-8").partition("<h2")[0]
    assert "SHUFFLED" in first_page
    assert "SYNTHETIC PHANTOMS, no patients" in first_page
    assert "On phantoms that it had never seen" in first_page
    assert "Only 12 patients with invasion" in first_page
    assert "Only 18 patients without invasion" in first_page
    assert "2 more cases of the cohort file have no features" in first_page
    document = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert document["shuffled_labels"] is True
    assert document["cohort"]["synthetic"] is True
    # A curve of three patients would be false certainty.
    assert document["figure_3"]["under 3 cm"]["unavailable"].startswith("too few patients")
    assert document["table_s2"]["unavailable"].startswith("EV-NONE")
    assert document["external"]["unavailable"].startswith("EV-NONE")
    assert document["table_2"]["manual"]["unavailable"].startswith("EV-NONE")


def test_evaluate_when_the_same_patients_are_the_external_cohort_then_is_refused_in_one_line(
    tmp_path: Path,
) -> None:
    place = write_place(tmp_path / "a")
    code, output, errors = evaluate(
        place, "--external", str(place.file), "--external-work", str(place.work), "--json"
    )
    assert code == 1
    assert json.loads(output)["code"] == "EV-TWICE"
    assert "Traceback" not in errors
    assert not (place.work / "evaluation").exists()
    # Extracted once more, with other numbers.
    other = write_place(tmp_path / "b", seed=1)
    file = shutil.copy(place.file, place.file.with_name("other.toml"))
    code, _, errors = evaluate(place, "--external", str(file), "--external-work", str(other.work))
    assert code == 1
    assert "EV-TWICE: 60 patients, folders" in errors


def test_evaluate_when_two_lines_are_of_one_patient_then_is_refused(tmp_path: Path) -> None:
    place = write_place(tmp_path)
    text = place.file.read_text(encoding="utf-8")
    place.file.write_text(text.replace('folder = "p1"', 'folder = "p0"'), encoding="utf-8")
    code, _, errors = evaluate(place)
    assert code == 1
    assert "EV-TWICE: 1 patients, folders or studies are in the cohort twice" in errors


def test_evaluate_when_the_external_phantoms_have_the_same_seeds_then_is_refused(tmp_path: Path) -> None:
    place, other = (write_place(tmp_path / name, seed=seed) for seed, name in enumerate("ab"))
    for one in (place, other):
        as_phantoms(one, 60)
    code, _, errors = evaluate(place, "--external", str(other.file), "--external-work", str(other.work))
    assert code == 1
    assert "EV-TWICE: 60 patients, folders, studies or phantoms" in errors


def test_evaluate_when_nothing_is_extracted_or_half_a_pair_is_named_then_one_line_says_what_to_do(
    tmp_path: Path,
) -> None:
    place = write_place(tmp_path)
    code, _, errors = evaluate(place, "--external", str(place.file))
    assert code == 2
    assert "belong together" in errors
    (place.work / FEATURES / f"{name(0)}.agreement.json").write_text("[]")
    code, _, errors = evaluate(place)
    assert code == 1
    assert "EV-NONE" in errors
    for path in (place.work / FEATURES).iterdir():
        path.unlink()
    code, _, errors = evaluate(place)
    assert code == 1
    assert errors.count("\n") == 1
    assert "cohort extract" in errors
