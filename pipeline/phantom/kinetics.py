"""Where gadoxetate is at each phase: one-compartment tissues and hepatocyte uptake."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pipeline.phantom.tissues import Tissue

Curve = npt.NDArray[np.float64]

STEP_S = 1.0
DURATION_S = 1320.0
BOLUS_ARRIVAL_S = 13.0
"""Start of injection to the abdominal aorta, s: assumption, typical adult circulation."""
GADOXETATE_DOSE_MMOL_PER_KG = 0.025
"""Labelled dose. The paper prints 0.2 mmol/kg, eight times the label: taken as a misprint."""
POPULATION_DOSE_MMOL_PER_KG = 0.1
"""Dose of the population input function below."""
HAEMATOCRIT = 0.42

R1_PLASMA_PER_MM_S = {1.5: 6.9, 3.0: 6.2}
"""Gadoxetate in plasma. Rohrer et al., Invest Radiol 40(11), 2005. doi:10.1097/01.rli.0000184756.66360.d3"""
R2_PLASMA_PER_MM_S = {1.5: 8.7, 3.0: 11.0}
"""Same source."""
R1_HEPATOCYTE_PER_MM_S = 16.6
"""Gadoxetate in rat liver tissue. Schuhmann-Giampieri et al., Radiology 183(1), 1992.
doi:10.1148/radiology.183.1.1549695. Used at both fields for want of a value at either."""
HEPATOCYTE_UPTAKE_PER_MIN = 0.034
"""Plasma cleared into hepatocytes per volume of liver, 1/min; order of magnitude after
Sourbron et al., Radiology 263(3), 2012 (perfusion and uptake of gadoxetate in healthy livers)."""


@dataclass(frozen=True)
class Compartment:
    """One-compartment tissue: c = v (c_in convolved with exp(-t/tau)/tau).

    Parameters
    ----------
    volume
        Distribution volume of the agent, share of tissue.
    transit_s
        Mean residence time tau, s.
    delay_s
        Delay after the aorta, s.
    portal_share
        Share of the inflow that comes through the portal vein.
    uptake
        Hepatocyte uptake relative to a healthy liver.
    """

    volume: float
    transit_s: float
    delay_s: float = 0.0
    portal_share: float = 0.0
    uptake: float = 0.0


# Assumptions: volumes and times chosen for the appearance of each phase (bright aorta and spleen early,
# bright portal vein at 65 s, dark vessels in a bright liver at 20 min), within the physiological order.
COMPARTMENTS: Mapping[Tissue, Compartment] = {
    Tissue.AORTA: Compartment(1.0, 1.0),
    Tissue.HEART_BLOOD: Compartment(1.0, 3.0),
    Tissue.PORTAL_VEIN: Compartment(1.0, 12.0, 12.0),
    Tissue.HEPATIC_VEIN: Compartment(0.95, 14.0, 8.0, 0.75),
    Tissue.VENA_CAVA: Compartment(0.9, 22.0, 10.0),
    Tissue.LIVER: Compartment(0.20, 14.0, 2.0, 0.75, 1.0),
    Tissue.SPLEEN: Compartment(0.42, 9.0, 1.0),
    Tissue.KIDNEY_CORTEX: Compartment(0.55, 9.0, 0.0),
    Tissue.KIDNEY_MEDULLA: Compartment(0.50, 50.0, 5.0),
    Tissue.PANCREAS: Compartment(0.28, 10.0, 1.0),
    Tissue.STOMACH_WALL: Compartment(0.22, 20.0, 2.0),
    Tissue.BOWEL: Compartment(0.12, 25.0, 3.0),
    Tissue.MUSCLE: Compartment(0.08, 60.0, 3.0),
    Tissue.SKIN: Compartment(0.10, 60.0, 3.0),
    Tissue.BONE_MARROW: Compartment(0.10, 40.0, 2.0),
    Tissue.MYOCARDIUM: Compartment(0.25, 12.0, 0.0),
    Tissue.LUNG: Compartment(0.25, 6.0, 0.0),
    Tissue.TUMOUR: Compartment(0.22, 9.0, 0.0),
    Tissue.TUMOUR_NECROSIS: Compartment(0.02, 120.0, 3.0),
    Tissue.TUMOUR_CAPSULE: Compartment(0.22, 90.0, 3.0),
}


@dataclass(frozen=True)
class Concentration:
    """Agent in one tissue at one moment, mM: extracellular (and blood) and inside hepatocytes."""

    extracellular_mm: float
    hepatocyte_mm: float


def arterial_input_mm(time_s: Curve) -> Curve:
    """Return the concentration in arterial blood after a bolus of gadoxetate, mM.

    Two Gaussians and a sigmoid-modulated exponential, scaled to the labelled dose [1]_.

    Parameters
    ----------
    time_s
        Since the start of injection, s.

    References
    ----------
    .. [1] Parker et al., Magn Reson Med 56(5), 2006. doi:10.1002/mrm.21066 (table 1)
    """
    minutes = (time_s - BOLUS_ARRIVAL_S) / 60.0
    first = 0.809 / (0.0563 * np.sqrt(2 * np.pi)) * np.exp(-((minutes - 0.17046) ** 2) / (2 * 0.0563**2))
    second = 0.330 / (0.132 * np.sqrt(2 * np.pi)) * np.exp(-((minutes - 0.365) ** 2) / (2 * 0.132**2))
    washout = 1.050 * np.exp(-0.1685 * minutes) / (1 + np.exp(-38.078 * (minutes - 0.483)))
    dose = GADOXETATE_DOSE_MMOL_PER_KG / POPULATION_DOSE_MMOL_PER_KG
    return np.asarray(np.where(minutes > 0, dose * (first + second + washout), 0.0), np.float64)


@lru_cache(maxsize=512)  # A pure function of few arguments, asked again for every tissue of every case.
def concentration(compartment: Compartment, after_injection_s: float | None) -> Concentration:
    """Return the concentration in a tissue `after_injection_s`; None is before injection.

    Hepatocytes take up K * c_plasma per minute and give nothing back within 20 minutes.
    """
    if after_injection_s is None:
        return Concentration(0.0, 0.0)
    time_s = np.arange(0.0, DURATION_S, STEP_S)
    artery = arterial_input_mm(time_s)
    portal = _through(artery, COMPARTMENTS[Tissue.PORTAL_VEIN])
    inflow = (1 - compartment.portal_share) * artery + compartment.portal_share * portal
    extracellular = _through(inflow, compartment)
    taken_up = np.cumsum(inflow) * STEP_S / 60.0 * HEPATOCYTE_UPTAKE_PER_MIN / (1 - HAEMATOCRIT)
    return Concentration(
        float(np.interp(after_injection_s, time_s, extracellular)),
        float(np.interp(after_injection_s, time_s, taken_up) * compartment.uptake),
    )


def _through(inflow: Curve, compartment: Compartment) -> Curve:
    time_s = np.arange(len(inflow)) * STEP_S
    residence = np.exp(-time_s / compartment.transit_s)
    residence /= residence.sum()
    delayed = np.interp(time_s - compartment.delay_s, time_s, inflow, left=0.0)
    return np.asarray(compartment.volume * np.convolve(delayed, residence)[: len(inflow)], np.float64)
