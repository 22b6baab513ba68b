"""Signal equations of the three kinds of sequence, and the noise of a magnitude image."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def spoiled_gradient_echo(
    t1_ms: npt.ArrayLike,
    t2_star_ms: npt.ArrayLike,
    proton_density: npt.ArrayLike,
    *,
    tr_ms: float,
    te_ms: float,
    flip_deg: float,
) -> Array:
    r"""Return the steady-state signal of a spoiled gradient echo.

    .. math:: S = \rho \sin\alpha \frac{1 - E_1}{1 - E_1 \cos\alpha} e^{-TE / T_2^*},\quad E_1 = e^{-TR / T_1}

    References
    ----------
    .. [1] Haase et al., J Magn Reson 67(2), 1986. doi:10.1016/0022-2364(86)90433-6
    """
    flip = np.deg2rad(flip_deg)
    e1 = np.exp(-tr_ms / _float32(t1_ms))
    steady = np.float32(np.sin(flip)) * (1 - e1) / (1 - e1 * np.float32(np.cos(flip)))
    return np.asarray(_float32(proton_density) * steady * np.exp(-te_ms / _float32(t2_star_ms)), np.float32)


def turbo_spin_echo(
    t1_ms: npt.ArrayLike,
    t2_ms: npt.ArrayLike,
    proton_density: npt.ArrayLike,
    *,
    tr_ms: float,
    te_ms: float,
) -> Array:
    r"""Return the signal of a turbo spin echo with the effective echo time `te_ms`.

    .. math:: S = \rho (1 - e^{-TR / T_1}) e^{-TE / T_2}
    """
    recovery = 1 - np.exp(-tr_ms / _float32(t1_ms))
    return np.asarray(_float32(proton_density) * recovery * np.exp(-te_ms / _float32(t2_ms)), np.float32)


def diffusion_spin_echo(
    t1_ms: npt.ArrayLike,
    t2_ms: npt.ArrayLike,
    proton_density: npt.ArrayLike,
    adc_mm2_per_s: npt.ArrayLike,
    *,
    tr_ms: float,
    te_ms: float,
    b_s_per_mm2: float,
) -> Array:
    r"""Return the signal of a diffusion-weighted spin-echo EPI.

    .. math:: S = \rho (1 - e^{-TR / T_1}) e^{-TE / T_2} e^{-b\,ADC}

    References
    ----------
    .. [1] Stejskal and Tanner, J Chem Phys 42(1), 1965. doi:10.1063/1.1695690
    """
    spin_echo = turbo_spin_echo(t1_ms, t2_ms, proton_density, tr_ms=tr_ms, te_ms=te_ms)
    return np.asarray(spin_echo * np.exp(-b_s_per_mm2 * _float32(adc_mm2_per_s)), np.float32)


def with_contrast(time_ms: npt.ArrayLike, relaxivity_per_mm_s: float, concentration_mm: npt.ArrayLike) -> Array:
    r"""Shorten a relaxation time by contrast agent.

    .. math:: 1/T = 1/T_0 + r\,c

    Parameters
    ----------
    time_ms
        T1, T2 or T2* without agent, ms.
    relaxivity_per_mm_s
        Relaxivity, 1/(mM s).
    concentration_mm
        Concentration in the tissue, mM.
    """
    rate_per_ms = 1 / _float32(time_ms) + relaxivity_per_mm_s * _float32(concentration_mm) * 1e-3
    return np.asarray(1 / rate_per_ms, np.float32)


def rician_magnitude(signal: Array, sigma: float, rng: np.random.Generator) -> Array:
    """Return the magnitude of `signal` with complex Gaussian noise of standard deviation `sigma` per channel.

    References
    ----------
    .. [1] Gudbjartsson and Patz, Magn Reson Med 34(6), 1995. doi:10.1002/mrm.1910340618
    """
    real = rng.standard_normal(signal.shape, dtype=np.float32)
    real *= sigma
    real += signal
    imaginary = rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary *= sigma
    return np.hypot(real, imaginary, out=real)


def _float32(values: npt.ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float32)
