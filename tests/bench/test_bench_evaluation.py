"""Run the benchmark of the evaluation on a small cohort, so that it does not rot."""

from pipeline.evaluation.parts import Masks
from tests.bench.bench_evaluation import FEATURES, draw, reductions


def test_bench_draws_a_cohort_of_the_size_that_is_stated_and_times_both_reductions() -> None:
    cohort = draw(60, FEATURES)
    assert cohort.radiomics[Masks.MANUAL].values.shape == (60, FEATURES)
    assert cohort.mvi.sum() == 20
    assert all(seconds > 0 for seconds in reductions(cohort))
