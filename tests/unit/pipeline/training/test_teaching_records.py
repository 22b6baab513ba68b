"""A segmentation is of the cases that the cohort file names, or says that it is not."""

import json
from pathlib import Path

import pytest

from pipeline.training.errors import TrainingError
from pipeline.training.making import RECORD
from pipeline.training.manifest import load_manifest
from pipeline.training.sources import Source, sources_of
from pipeline.training.teaching_records import TAUGHT, require_same_lessons
from tests.unit.pipeline.evaluation.places import unreadable

HEAD = "patient,folder,mvi,labels,ast_u_per_l\n"
COHORT = """
[cohort]
name = "two"
kind = "patients"
table = "cohort.csv"
[bundle]
name = "two"
version = "1.0.0"
"""
FIRST, SECOND = "P1,a,yes,a.nii.gz,30\n", "P2,b,no,b.nii.gz,40\n"


def cases(folder: Path, *lines: str) -> tuple[Source, ...]:
    (folder / "cohort.csv").write_text(HEAD + "".join(lines))
    file = folder / "cohort.toml"
    file.write_text(COHORT)
    return sources_of(load_manifest(file), unreadable).segmentation


@pytest.fixture
def work(tmp_path: Path) -> tuple[Path, Path]:
    """Training cases of two patients, and no network yet."""
    written, segmentation = tmp_path / "cases", tmp_path / "segmentation"
    segmentation.mkdir()
    (segmentation / RECORD).write_text("{}")
    sources = cases(tmp_path, FIRST, SECOND)
    assert require_same_lessons(written, segmentation, sources) == []
    for source in sources:
        (written / source.name).mkdir(parents=True)
    return written, segmentation


def test_cases_when_outcome_or_values_change_then_are_kept(tmp_path: Path, work: tuple[Path, Path]) -> None:
    (work[1] / "weights-10.npz").write_text("weights")
    assert require_same_lessons(*work, cases(tmp_path, "P1,a,no,a.nii.gz,31\n", SECOND)) == []
    assert len(list(work[0].iterdir())) == 2


def test_cases_when_a_line_is_inserted_before_anything_is_learnt_then_stale_ones_are_removed(
    tmp_path: Path, work: tuple[Path, Path]
) -> None:
    sources = cases(tmp_path, "P0,z,no,z.nii.gz,20\n", FIRST, SECOND)
    assert require_same_lessons(*work, sources) == ["patient-0001", "patient-0002"]
    assert list(work[0].iterdir()) == []
    assert require_same_lessons(*work, sources) == []


@pytest.mark.parametrize(
    "lines",
    [("P1,a,yes,other.nii.gz,30\n", SECOND), (FIRST,), (FIRST, SECOND, "P3,c,no,c.nii.gz,30\n")],
    ids=["labels", "gone", "new"],
)
@pytest.mark.parametrize("learnt", ["checkpoint.pt", "weights-10.npz"])
def test_network_when_it_learnt_from_other_cases_then_is_not_passed_off_as_of_these(
    tmp_path: Path, work: tuple[Path, Path], lines: tuple[str, ...], learnt: str
) -> None:
    (work[1] / learnt).write_text("network")
    with pytest.raises(TrainingError, match=r"learnt from other cases .* 1 differ .*--work"):
        require_same_lessons(*work, cases(tmp_path, *lines))
    assert len(list(work[0].iterdir())) == 2
    assert require_same_lessons(*work, cases(tmp_path, FIRST, SECOND)) == []


def test_work_of_earlier_software_when_gone_on_with_then_is_taken_as_it_is(
    tmp_path: Path, work: tuple[Path, Path]
) -> None:
    (work[1] / TAUGHT).unlink()
    (work[1] / "weights-10.npz").write_text("weights")
    assert require_same_lessons(*work, cases(tmp_path, FIRST)) == []
    assert list(json.loads((work[1] / TAUGHT).read_text())) == ["patient-0001"]
