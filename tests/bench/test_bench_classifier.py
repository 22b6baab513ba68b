"""Run the figures of the classifier once, so that they do not rot."""

import pytest

from tests.bench import bench_classifier
from tests.bench.bench_classifier import figures


def test_figures_when_made_then_the_bundle_keeps_below_the_planted_and_noise_near_a_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_classifier, "NOISES", 1)
    radiomics, combined, noise = figures()
    assert 0.6 < radiomics.ours < radiomics.baseline
    assert 0.6 < combined.ours < combined.baseline
    assert abs(noise.ours - noise.baseline) < 0.2
