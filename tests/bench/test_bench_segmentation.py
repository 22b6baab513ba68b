"""Run the benchmark of the segmentation on two unseen phantoms, so that it does not rot, and hold a floor."""

import pytest

from pipeline.bundle_manifest import BUNDLED_FOLDER
from pipeline.model_bundle import load_bundle
from tests.bench.bench_segmentation import FIRST_SEED, measure, seeds_seen


@pytest.mark.slow
def test_segmentation_of_unseen_phantoms_finds_liver_and_tumour() -> None:
    for score in measure(load_bundle(BUNDLED_FOLDER / "phantom-demo"), range(FIRST_SEED, FIRST_SEED + 2)):
        assert score.liver_dice > 0.85, score
        assert score.tumour_dice > 0.60, score


def test_bench_refuses_seeds_that_training_has_seen() -> None:
    bundle = load_bundle(BUNDLED_FOLDER / "phantom-demo")
    seed = min(seeds_seen(bundle.training))
    with pytest.raises(ValueError, match="used in training"):
        next(measure(bundle, range(seed, seed + 1)))
