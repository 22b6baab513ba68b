"""The feature vector: order, read-only, digest."""

import numpy as np
import pytest

from pipeline.features import FeatureVector


def test_digest_depends_on_names_values_and_order() -> None:
    vector = FeatureVector(("a", "b"), np.array([1.0, 2.0]))
    assert vector.sha256 == FeatureVector(("a", "b"), np.array([1.0, 2.0])).sha256
    others = [(("a", "c"), [1.0, 2.0]), (("a", "b"), [1.0, np.nextafter(2.0, 3.0)]), (("b", "a"), [2.0, 1.0])]
    digests = {FeatureVector(names, np.array(values)).sha256 for names, values in others}
    assert len(digests | {vector.sha256}) == 4


def test_values_are_a_read_only_copy() -> None:
    source = np.array([1.0, 2.0])
    vector = FeatureVector(("a", "b"), source)
    source[0] = 9
    assert vector.values[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        vector.values[0] = 3


def test_value_that_is_not_finite_is_named() -> None:
    with pytest.raises(ValueError, match="feature b is not finite"):
        FeatureVector(("a", "b"), np.array([1.0, np.nan]))


def test_names_and_values_of_different_length_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 names"):
        FeatureVector(("a", "b"), np.array([1.0]))
