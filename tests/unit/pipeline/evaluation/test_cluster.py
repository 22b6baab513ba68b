"""The same numbers from a Dask cluster of two worker processes."""

import numpy as np
import pytest

from node.compute.dask_engine import DaskExecutor
from pipeline.evaluation.experiment import run_settings
from pipeline.evaluation.rows import LOGISTIC, PROPOSED
from pipeline.evaluation.splits import make_splits
from tests.unit.node.compute.test_dask_engine import Cluster, cluster
from tests.unit.pipeline.evaluation.cohorts import SETTINGS, make_cohort

__all__ = ["cluster"]


@pytest.mark.slow
def test_settings_when_done_by_a_cluster_of_two_workers_then_are_identical(cluster: Cluster) -> None:
    first = cluster.worker
    cluster.start_worker()
    cohort = make_cohort(40)
    splits = make_splits(cohort.mvi, repeats=4, seed=1, test_share=0.5, validation_share=0.1)
    rows = [PROPOSED, LOGISTIC]
    try:
        with DaskExecutor(cluster.address) as executor:
            there = run_settings(cohort, splits, rows, SETTINGS, executor=executor)
    finally:
        if first is not None:
            first.kill()
            first.wait(10)
    here = run_settings(cohort, splits, rows, SETTINGS)
    for row in rows:
        pairs = zip(here.test[row.key], there.test[row.key], strict=True)
        assert all(np.array_equal(one.probability, two.probability) for one, two in pairs)
