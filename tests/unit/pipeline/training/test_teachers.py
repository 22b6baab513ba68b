"""A patient from whom the segmentation learnt is known again, however a cohort file names him."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation.offline import Place, open_cohort
from pipeline.geometry import Grid
from pipeline.study import FIXED_ROLE, Role, Study
from pipeline.training.extraction import FEATURES
from pipeline.training.manifest import load_manifest
from pipeline.training.teachers import Teachers, image_digest, note_image, note_teachers, taught_among
from pipeline.volume import Volume
from tests.unit.pipeline.evaluation.places import name, write_place

GRID = Grid((2, 3, 4), np.ones(3), np.zeros(3), np.eye(3))


def study(seed: int, *, mirrored: bool = False) -> Study:
    values = np.random.default_rng(seed).integers(0, 500, GRID.shape).astype(np.float32)
    return Study({role: Volume(values[:, ::-1] if mirrored else values, GRID) for role in Role})


def test_digest_when_a_conversion_mirrors_the_image_then_it_is_the_same_and_of_another_it_is_not() -> None:
    assert image_digest(study(1)) == image_digest(study(1, mirrored=True))
    assert image_digest(study(1)) != image_digest(study(2))
    other = study(1)
    moving = {role: volume for role, volume in study(2).volumes.items() if role is not FIXED_ROLE}
    assert image_digest(replace(other, volumes={**other.volumes, **moving})) == image_digest(study(1))


@pytest.mark.parametrize("as_table", [False, True], ids=["toml", "csv"])
def test_evaluation_when_the_model_in_force_learnt_from_patients_then_they_are_not_strangers(
    tmp_path: Path, as_table: bool
) -> None:
    place = write_place(tmp_path, 12)
    features = place.work / FEATURES
    (features / f"{name(11)}.npz").unlink()  # A refused case has no image that could be compared.
    for n in range(11):
        note_image(features, name(n), study(n))
    note_teachers(features, Teachers(frozenset({image_digest(study(3)), image_digest(study(99))})))
    if as_table:
        cases = load_manifest(place.file).cases
        lines = "".join(f"p{n},{'yes' if case.mvi else 'no'}\n" for n, case in enumerate(cases))
        place = Place(tmp_path / "cohort.csv", place.work)
        place.file.write_text(f"folder,mvi\n{lines}")
    cohort = open_cohort(place)
    assert cohort.taught_segmentation.tolist() == [n == 3 for n in range(11)]
    assert not cohort.teachers_unknown


def test_evaluation_when_nobody_noted_an_image_or_the_teachers_then_nobody_counts_as_a_stranger(
    tmp_path: Path,
) -> None:
    place = write_place(tmp_path, 12)
    features = place.work / FEATURES
    for teachers in (Teachers(), Teachers(frozenset({"0" * 64}))):
        note_teachers(features, teachers)
        cohort = open_cohort(place)
        assert cohort.teachers_unknown
        assert cohort.taught_segmentation.all()
    (features / "teachers.json").unlink()
    assert open_cohort(place).teachers_unknown


def test_bundle_when_it_learnt_from_phantoms_alone_then_their_seeds_are_known_and_no_patient_is(
    tmp_path: Path,
) -> None:
    made = {"cohort": {"kind": "phantom"}, "phantoms": {"first_seed": 7, "count": 2}}
    note_teachers(tmp_path, Teachers.of_bundle(made))
    cases = ("phantom-000006", "phantom-000008", "phantom-000009", "patient-0001")
    assert taught_among(tmp_path, cases) == ["phantom-000008"]


def test_bundle_when_it_is_of_patients_and_older_than_the_digests_then_its_teachers_are_unknown() -> None:
    assert Teachers.of_bundle({"cohort": {"kind": "patients"}}).images is None
    known = Teachers(frozenset({"a"}), ((1, 2),))
    assert Teachers.of_bundle({"segmentation_teachers": known.document()}) == known
