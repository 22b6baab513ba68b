"""The planted link between microvascular invasion, what is seen, and what the laboratory measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import ndtr

from pipeline.phantom.settings import PhantomSettings
from pipeline.study import Analyte, ClinicalValue

# Standardised mean difference of each latent between invaded and not invaded. Signs follow the radiological
# literature (size, non-smooth margin, rim enhancement, peritumoural hepatobiliary hypointensity, lower ADC,
# incomplete capsule: Lee et al., J Hepatol 67(3), 2017, doi:10.1016/j.jhep.2017.04.024; Hong et al., Liver
# Cancer 10(2), 2021, meta-analysis). Sizes are chosen: together they bound the area under the curve at 0.87.
IMAGING_EFFECT: Mapping[str, float] = MappingProxyType(
    {
        "diameter": 0.50,
        "irregularity": 0.75,
        "margin_blur": 0.45,
        "arterial_rim": 0.60,
        "peritumoural_hypointensity": 0.75,
        "heterogeneity": 0.45,
        "capsule_loss": 0.30,
        "diffusion_restriction": 0.40,
        "necrosis": 0.0,
        "hyperenhancement": 0.0,
    }
)
CLINICAL_EFFECT: Mapping[Analyte, float] = MappingProxyType(
    {
        Analyte.AST: 0.30,
        Analyte.GGT: 0.35,
        Analyte.TOTAL_PROTEIN: -0.10,
        Analyte.LYMPHOCYTE_RATIO: -0.20,
        Analyte.FIBRINOGEN: 0.30,
        Analyte.HBCAB: 0.15,
    }
)
CONTINUOUS: Mapping[Analyte, tuple[str, float, float, float, float]] = MappingProxyType(
    # Distribution, centre, spread, smallest, largest. Ranges as seen in patients with hepatocellular carcinoma.
    {
        Analyte.AST: ("lognormal", 31.0, 0.45, 10.0, 400.0),
        Analyte.GGT: ("lognormal", 52.0, 0.70, 8.0, 900.0),
        Analyte.TOTAL_PROTEIN: ("normal", 70.0, 5.5, 45.0, 95.0),
        Analyte.LYMPHOCYTE_RATIO: ("normal", 30.0, 8.0, 5.0, 60.0),
        Analyte.FIBRINOGEN: ("lognormal", 2.9, 0.25, 1.0, 8.0),
    }
)
HBCAB_PREVALENCE = 0.84
"""Share of anti-HBc positive patients in a Chinese surgical cohort: assumption."""


@dataclass(frozen=True)
class Latents:
    """Status and standardised latents of one patient.

    Parameters
    ----------
    mvi
        Microvascular invasion.
    imaging
        By name of `IMAGING_EFFECT`; standard normal without invasion, shifted by the effect with it.
    clinical
        By analyte, likewise.
    """

    mvi: bool
    imaging: Mapping[str, float]
    clinical: Mapping[Analyte, float]

    @property
    def imaging_log_odds(self) -> float:
        """Log-likelihood ratio of the imaging latents; no reader of the images can know more."""
        return sum(d * self.imaging[name] - d * d / 2 for name, d in IMAGING_EFFECT.items())

    @property
    def clinical_log_odds(self) -> float:
        """Log-likelihood ratio of the clinical latents."""
        return sum(d * self.clinical[name] - d * d / 2 for name, d in CLINICAL_EFFECT.items())


def draw_latents(rng: np.random.Generator, settings: PhantomSettings) -> Latents:
    """Draw the status and every latent given the status."""
    drawn = bool(rng.random() < settings.mvi_prevalence)
    mvi = drawn if settings.force_mvi is None else settings.force_mvi
    imaging = {name: mvi * effect + float(rng.standard_normal()) for name, effect in IMAGING_EFFECT.items()}
    clinical = {name: mvi * effect + float(rng.standard_normal()) for name, effect in CLINICAL_EFFECT.items()}
    return Latents(mvi, MappingProxyType(imaging), MappingProxyType(clinical))


def uniform(latent: float) -> float:
    """Map a latent to (0, 1), monotonically, uniform without invasion."""
    return float(ndtr(latent))


def diameter_mm(latents: Latents, settings: PhantomSettings) -> float:
    """Map the size latent to a diameter within the settings, skewed to small: median near 37 % of the range."""
    smallest, largest = settings.tumour_diameter_mm
    share = uniform(0.9 * latents.imaging["diameter"])
    return float(smallest + (largest - smallest) * share**1.45)


def clinical_values(latents: Latents) -> dict[Analyte, ClinicalValue]:
    """Map the clinical latents to laboratory values, rounded as a laboratory reports them."""
    values: dict[Analyte, ClinicalValue] = {}
    for analyte, (kind, centre, spread, smallest, largest) in CONTINUOUS.items():
        latent = latents.clinical[analyte]
        raw = centre * np.exp(spread * latent) if kind == "lognormal" else centre + spread * latent
        values[analyte] = ClinicalValue(round(float(np.clip(raw, smallest, largest)), 1), origin="phantom")
    positive = uniform(latents.clinical[Analyte.HBCAB]) > 1 - HBCAB_PREVALENCE
    values[Analyte.HBCAB] = ClinicalValue(float(positive), origin="phantom")
    return values
