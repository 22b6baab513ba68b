"""End-to-end networks: they find what is in the pictures, and are compared as everything else is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.convolution import ConvolutionSettings
from pipeline.evaluation.experiment import run_settings
from pipeline.evaluation.pictures import CohortPictures
from pipeline.evaluation.rows import CONVOLUTIONS, PROPOSED
from pipeline.evaluation.scores import Results
from pipeline.evaluation.sections.performance import other_systems
from pipeline.evaluation.splits import make_splits
from pipeline.evaluation.tables import average
from pipeline.training import pictures
from pipeline.training.pictures import View, write_pictures
from tests.unit.pipeline.evaluation.cohorts import SETTINGS, make_cohort

QUICK = replace(SETTINGS, convolution=ConvolutionSettings(widths=(4, 8, 8), epochs=(8,), learning_rate=3e-3))
NOT_FITTED = dict.fromkeys(("manual", "nebbia", "nebbia_automatic"), "not fitted here")
BY_VIEW = {setting.view: setting for setting in CONVOLUTIONS}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, shape in {"VOLUME_KJI": (8, 8, 8), "BOX_KJI": (8, 8, 8), "SLICE_BOX_JI": (16, 16)}.items():
        monkeypatch.setattr(pictures, name, shape)
    monkeypatch.setattr(pictures, "SLICE_JI", (16, 16))


def with_pictures(folder: Path, cohort: EvaluationCohort, *, signal: float) -> EvaluationCohort:
    """Write noise with a bright or dark middle, in all views."""
    random = np.random.default_rng(1)
    paths = []
    for n, mvi in enumerate(cohort.mvi.tolist()):

        def noise(*shape: int, mvi: bool = mvi) -> np.ndarray:
            grey = random.normal(128 + 64 * signal * (2 * mvi - 1), 32, shape)
            return np.clip(grey, 0, 255).astype(np.uint8)

        path = folder / f"{n}.pictures.npz"
        write_pictures(
            path,
            {
                "volume": noise(6, 8, 8, 8),
                "volume_tumour": np.ones((8, 8, 8), dtype=bool),
                "volume_cropped": noise(6, 8, 8, 8),
                "slice": noise(6, 16, 16),
                "slice_tumour": np.ones((16, 16), dtype=bool),
                "slice_cropped": noise(6, 16, 16),
            },
        )
        paths.append(path)
    return replace(cohort, pictures=CohortPictures(tuple(paths)))


def test_networks_when_the_pictures_tell_then_find_it_and_stand_beside_the_others(tmp_path: Path) -> None:
    cohort = with_pictures(tmp_path, make_cohort(60, signal=0.0), signal=0.5)
    splits = make_splits(cohort.mvi, repeats=2, seed=0, test_share=0.5, validation_share=0.1)
    results = run_settings(cohort, splits, [PROPOSED, *CONVOLUTIONS], QUICK)
    for setting in CONVOLUTIONS:
        assert average(results.test[setting.key])["auc"].mean > 0.8, setting.key
    assert average(results.test[PROPOSED.key])["auc"].mean < 0.75
    assert [part.rows.tolist() for part in results.test["cnn_slice"]] == [split.test.tolist() for split in splits]
    table = other_systems(replace(results, unavailable=NOT_FITTED)).table
    assert table is not None
    assert sum(row[0].startswith("After Wu") for row in table.rows) == 6


def test_networks_when_the_pictures_tell_nothing_then_find_nothing(tmp_path: Path) -> None:
    cohort = with_pictures(tmp_path, make_cohort(60), signal=0.0)
    splits = make_splits(cohort.mvi, repeats=4, seed=0, test_share=0.5, validation_share=0.1)
    results = run_settings(cohort, splits, [BY_VIEW[View.SLICE_CROPPED]], QUICK)
    assert 0.3 < average(results.test["cnn_slice_cropped"])["auc"].mean < 0.7


def test_networks_when_fitted_twice_then_are_identical(tmp_path: Path) -> None:
    cohort = with_pictures(tmp_path, make_cohort(20), signal=0.5)
    splits = make_splits(cohort.mvi, repeats=1, seed=0, test_share=0.5, validation_share=0.1)
    row = BY_VIEW[View.SLICE_MASKED]
    here = run_settings(cohort, splits, [row], QUICK)
    again = run_settings(cohort, splits, [row], QUICK)
    assert (here.test[row.key][0].probability == again.test[row.key][0].probability).all()


def test_networks_when_there_are_no_pictures_then_the_row_says_so() -> None:
    cohort = make_cohort(20)
    splits = make_splits(cohort.mvi, repeats=1, seed=0, test_share=0.5, validation_share=0.1)
    results = run_settings(cohort, splits, [PROPOSED, BY_VIEW[View.VOLUME]], QUICK)
    assert results.unavailable["cnn_volume"] == (
        "EV-NONE: After Wu: 3-D network, whole volume: no pictures were extracted; run `cohort extract` again"
    )
    assert "proposed" in results.test
    assert "--cnn" in other_systems(Results({}, {}, {}, {**NOT_FITTED, "proposed": "not fitted"})).text


def test_networks_when_some_have_no_pictures_then_these_are_left_out(tmp_path: Path) -> None:
    cohort = with_pictures(tmp_path, make_cohort(40), signal=0.5)
    assert cohort.pictures is not None
    some = replace(cohort, pictures=CohortPictures((None, None, *cohort.pictures.paths[2:])))
    splits = make_splits(cohort.mvi, repeats=2, seed=0, test_share=0.5, validation_share=0.1)
    results = run_settings(some, splits, [BY_VIEW[View.SLICE]], QUICK)
    assert all(not set(part.rows.tolist()) & {0, 1} for part in results.test["cnn_slice"])
