import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from pipeline.evaluation.principal import fit_reduction


def test_reduction_when_compared_with_the_decomposition_of_scikit_learn_then_scores_agree_up_to_sign() -> None:
    random = np.random.default_rng(0)
    values = (
        random.standard_normal((40, 6)) @ random.standard_normal((6, 300)) * 10.0 ** random.integers(-5, 7, 300)
    )
    values += random.standard_normal((40, 300)) + 1e3
    new = values[:7] * 1.1 + 3
    ours = fit_reduction(values, 5)
    scaler = StandardScaler().fit(values)
    reference = PCA(5, svd_solver="full").fit(scaler.transform(values))
    expected = reference.transform(scaler.transform(new))
    assert np.abs(ours.scores(new)) == pytest.approx(np.abs(expected), rel=1e-7, abs=1e-7)
    assert ours.variance == pytest.approx(reference.explained_variance_)


def test_reduction_when_there_are_fewer_patients_than_components_then_has_their_rank_and_no_noise() -> None:
    random = np.random.default_rng(0)
    values = np.repeat(random.standard_normal((3, 50)), 2, axis=0)
    reduction = fit_reduction(values, 20)
    assert reduction.components.shape == (5, 50)
    assert (reduction.variance > 0).sum() == 2
    assert np.isfinite(reduction.scores(values)).all()


def test_reduction_when_a_feature_is_constant_then_it_is_left_alone() -> None:
    values = np.random.default_rng(0).standard_normal((10, 4))
    values[:, 2] = 0.1
    reduction = fit_reduction(values, 3)
    assert reduction.scale[2] == 1.0
    assert np.abs(reduction.components[:, 2]).max() < 1e-6
