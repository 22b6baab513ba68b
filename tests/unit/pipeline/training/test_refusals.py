"""A refused case stands until its files are others, also on a cluster that cannot reach them."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import UnsuitableStudyError
from pipeline.model_bundle import PipelineSettings
from pipeline.training.cases import PatientCase
from pipeline.training.engines import Extracted
from pipeline.training.extraction import FEATURES, extract_cohort
from pipeline.training.input_files import files_digest
from pipeline.training.refusals import forget_mended, refusals_of
from pipeline.training.sources import Patient, PatientSource


def refuse(case: PatientCase) -> Patient:
    """Read nothing: the images are unsuitable."""
    raise UnsuitableStudyError("CM-READ", "It cannot be read.", remedy="Export it again.", stage="assemble")


def source(folder: Path) -> PatientSource:
    (folder / "p1" / "series").mkdir(parents=True, exist_ok=True)
    (folder / "p1" / "series" / "1.dcm").write_text("image")
    return PatientSource(1, PatientCase(folder=folder / "p1", mvi=True), refuse)


def extract(one: PatientSource, work: Path, *, on_cluster: bool) -> list[Extracted]:
    seen: list[Extracted] = []
    with ThreadPoolExecutor(1) as pool:
        extract_cohort(
            [one],
            weights={},
            settings=PipelineSettings(),
            work=work,
            processes=1,
            report=seen.append,
            cluster=pool if on_cluster else None,
        )
    return seen


@pytest.mark.parametrize("on_cluster", [False, True], ids=["here", "cluster"])
def test_case_when_its_images_cannot_be_read_then_is_refused_wherever_it_is_done(
    tmp_path: Path, *, on_cluster: bool
) -> None:
    one = source(tmp_path)
    (found,) = extract(one, tmp_path / "work", on_cluster=on_cluster)
    assert (found.refused_because, found.unfinished) == ("CM-READ: It cannot be read. Export it again.", False)
    assert list(refusals_of(tmp_path / "work" / FEATURES, [one.name])) == [one.name]
    # The next call passes over it, until a file is another.
    assert extract(one, tmp_path / "work", on_cluster=on_cluster) == []
    (tmp_path / "p1" / "series" / "1.dcm").write_text("another image")
    assert len(extract(one, tmp_path / "work", on_cluster=on_cluster)) == 1


def test_refusal_when_no_file_was_noted_then_stands(tmp_path: Path) -> None:
    one = source(tmp_path)
    path = tmp_path / f"{one.name}.refused.json"
    path.write_text('{"because": "CM-GRID: not on the voxels"}')
    assert forget_mended(tmp_path, [one]) == []
    assert path.exists()


def test_digest_when_a_file_comes_goes_or_changes_then_is_another(tmp_path: Path) -> None:
    folder, mask = tmp_path / "images", tmp_path / "mask.nrrd"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1").write_text("1")
    seen = [files_digest([folder, mask])]
    assert files_digest([folder, mask]) == seen[0]
    mask.write_text("m")
    seen.append(files_digest([folder, mask]))
    (folder / "a" / "2").write_text("2")
    seen.append(files_digest([folder, mask]))
    os.utime(folder / "a" / "1", ns=(0, 0))
    seen.append(files_digest([folder, mask]))
    (folder / "a" / "1").unlink()
    seen.append(files_digest([folder, mask]))
    assert len(set(seen)) == len(seen)
