"""A line of a cohort file that changes must not leave the features of what it said before."""

from pathlib import Path

import pytest

from pipeline.training.case_records import discard_changed, require_unchanged
from pipeline.training.errors import TrainingError
from pipeline.training.manifest import load_manifest
from pipeline.training.sources import PhantomSource, Source, sources_of
from tests.unit.pipeline.evaluation.places import unreadable

HEAD = "patient,folder,mvi,ast_u_per_l\n"
FIRST, SECOND = "P1,a,yes,30\n", "P2,b,no,40\n"
ROW = ".npz"


def cases(folder: Path, *lines: str) -> tuple[Source, ...]:
    file = folder / "cohort.csv"
    file.write_text(HEAD + "".join(lines))
    return sources_of(load_manifest(file), unreadable).classifier


def extracted(work: Path, sources: tuple[Source, ...]) -> None:
    work.mkdir()
    discard_changed(work, sources)
    for source in sources:
        for end in (ROW, ".manual.npz", ".agreement.json"):
            (work / f"{source.name}{end}").write_text("features")


def kept(work: Path) -> set[str]:
    return {path.name for path in work.glob("*.npz")}


def test_cases_when_the_file_says_the_same_then_all_is_kept(tmp_path: Path) -> None:
    extracted(tmp_path / "work", cases(tmp_path, FIRST, SECOND))
    again = cases(tmp_path, FIRST, SECOND)
    assert discard_changed(tmp_path / "work", again) == []
    require_unchanged(tmp_path / "work", again, ROW)
    assert len(kept(tmp_path / "work")) == 4


@pytest.mark.parametrize(
    "line", ["P1,a,no,30\n", "P1,a,yes,31\n", "P1,c,yes,30\n"], ids=["outcome", "value", "images"]
)
def test_case_when_its_line_changes_then_it_alone_is_done_anew_and_until_then_not_evaluated(
    tmp_path: Path, line: str
) -> None:
    extracted(tmp_path / "work", cases(tmp_path, FIRST, SECOND))
    changed = cases(tmp_path, line, SECOND)
    with pytest.raises(TrainingError, match=r"1 cases \(patient-0001 first\).*cohort extract"):
        require_unchanged(tmp_path / "work", changed, ROW)
    assert discard_changed(tmp_path / "work", changed) == ["patient-0001"]
    assert kept(tmp_path / "work") == {"patient-0002.npz", "patient-0002.manual.npz"}
    require_unchanged(tmp_path / "work", changed, ROW)


def test_cases_when_a_line_is_inserted_then_none_keeps_the_features_of_its_neighbour(tmp_path: Path) -> None:
    extracted(tmp_path / "work", cases(tmp_path, FIRST, SECOND))
    more = cases(tmp_path, "P0,z,no,20\n", FIRST, SECOND)
    assert discard_changed(tmp_path / "work", more) == ["patient-0001", "patient-0002"]
    assert not kept(tmp_path / "work")


def test_cases_when_the_cohort_is_moved_as_a_whole_then_all_is_kept(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    extracted(tmp_path / "work", cases(tmp_path / "here", FIRST, SECOND))
    assert discard_changed(tmp_path / "work", cases(tmp_path / "there", FIRST, SECOND)) == []


def test_cases_when_nobody_noted_what_they_were_then_phantoms_are_kept_and_patients_are_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "phantom-000007.npz").write_text("features")
    (tmp_path / "patient-0001.npz").write_text("features")
    sources = (PhantomSource(7, 0.4), *cases(tmp_path, FIRST))
    assert discard_changed(tmp_path, sources) == ["patient-0001"]
    assert kept(tmp_path) == {"phantom-000007.npz"}
