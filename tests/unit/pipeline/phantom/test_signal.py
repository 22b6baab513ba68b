import math

import numpy as np
import pytest
from scipy import stats

from pipeline.phantom.signal import (
    diffusion_spin_echo,
    rician_magnitude,
    spoiled_gradient_echo,
    turbo_spin_echo,
    with_contrast,
)


def test_spoiled_gradient_echo_at_the_ernst_angle_reaches_its_analytic_maximum() -> None:
    t1_ms, tr_ms = 800.0, 10.0
    e1 = math.exp(-tr_ms / t1_ms)
    ernst_deg = math.degrees(math.acos(e1))

    def signal(flip_deg: float) -> float:
        return float(spoiled_gradient_echo(t1_ms, 1e9, 1.0, tr_ms=tr_ms, te_ms=1.0, flip_deg=flip_deg))

    # At cos(alpha) = E1 the equation reduces to sqrt((1 - E1) / (1 + E1)).
    assert signal(ernst_deg) == pytest.approx(math.sqrt((1 - e1) / (1 + e1)), rel=1e-4)
    assert signal(ernst_deg) > max(signal(ernst_deg - 1), signal(ernst_deg + 1))


def test_spoiled_gradient_echo_with_a_right_angle_is_saturation_recovery_with_t2_star_decay() -> None:
    signal = float(spoiled_gradient_echo(500.0, 20.0, 2.0, tr_ms=500.0, te_ms=20.0, flip_deg=90.0))
    assert signal == pytest.approx(2.0 * (1 - math.exp(-1)) * math.exp(-1), rel=1e-5)


def test_turbo_spin_echo_equals_its_closed_form() -> None:
    signal = float(turbo_spin_echo(1000.0, 90.0, 0.5, tr_ms=1000.0, te_ms=90.0))
    assert signal == pytest.approx(0.5 * (1 - math.exp(-1)) * math.exp(-1), rel=1e-5)


def test_diffusion_ratio_of_two_weightings_returns_the_coefficient() -> None:
    adc, b = 1.1e-3, 800.0
    kwargs = {"tr_ms": 5000.0, "te_ms": 56.0}
    first = diffusion_spin_echo(800.0, 34.0, 0.8, adc, b_s_per_mm2=0.0, **kwargs)
    second = diffusion_spin_echo(800.0, 34.0, 0.8, adc, b_s_per_mm2=b, **kwargs)
    assert float(np.log(first / second)) / b == pytest.approx(adc, rel=1e-4)
    assert float(first) == pytest.approx(float(turbo_spin_echo(800.0, 34.0, 0.8, **kwargs)), rel=1e-6)


def test_contrast_agent_adds_rates_not_times() -> None:
    # 1/1000 ms + 5 /(mM s) * 0.2 mM = 1/s + 1/s = 2/s.
    assert float(with_contrast(1000.0, 5.0, 0.2)) == pytest.approx(500.0, rel=1e-6)
    assert float(with_contrast(1000.0, 5.0, 0.0)) == pytest.approx(1000.0, rel=1e-6)


@pytest.mark.parametrize("clean", [0.0, 2.0, 30.0])
def test_magnitude_noise_follows_the_rice_distribution(clean: float) -> None:
    sigma = 1.5
    noisy = rician_magnitude(np.full((40, 50, 60), clean, np.float32), sigma, np.random.default_rng(5))
    expected = stats.rice(clean / sigma, scale=sigma)
    assert float(noisy.mean()) == pytest.approx(float(expected.mean()), rel=0.01)
    assert float(noisy.std()) == pytest.approx(float(expected.std()), rel=0.01)
    assert stats.kstest(noisy.ravel()[::12], expected.cdf).pvalue > 1e-3
