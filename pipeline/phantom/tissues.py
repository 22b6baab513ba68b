"""Magnetic properties of tissues at 1.5 T and 3.0 T, each with its source."""

from dataclasses import dataclass
from enum import IntEnum


class Tissue(IntEnum):
    """Labels of the anatomy."""

    AIR = 0
    LUNG = 1
    SKIN = 2
    SUBCUTANEOUS_FAT = 3
    VISCERAL_FAT = 4
    MUSCLE = 5
    BONE_MARROW = 6
    SPINAL_CORD = 7
    CEREBROSPINAL_FLUID = 8
    LIVER = 9
    HEPATIC_VEIN = 10
    PORTAL_VEIN = 11
    AORTA = 12
    VENA_CAVA = 13
    SPLEEN = 14
    KIDNEY_CORTEX = 15
    KIDNEY_MEDULLA = 16
    PANCREAS = 17
    STOMACH_WALL = 18
    STOMACH_CONTENT = 19
    BOWEL = 20
    GALLBLADDER = 21
    BILE_DUCT = 22
    MYOCARDIUM = 23
    HEART_BLOOD = 24
    TUMOUR = 25
    TUMOUR_NECROSIS = 26
    TUMOUR_CAPSULE = 27


FATTY = frozenset({Tissue.SUBCUTANEOUS_FAT, Tissue.VISCERAL_FAT})
"""Tissues that spectral fat suppression attenuates."""

FLOWING = {
    Tissue.AORTA: 0.12,
    Tissue.HEART_BLOOD: 0.2,
    Tissue.VENA_CAVA: 0.35,
    Tissue.PORTAL_VEIN: 0.45,
    Tissue.HEPATIC_VEIN: 0.5,
}
"""Share of the spin-echo signal left by flow void (fast arteries least): assumption, plausible appearance."""


@dataclass(frozen=True)
class TissueProperties:
    """Relaxation and diffusion of one tissue without contrast agent.

    Parameters
    ----------
    t1_ms, t2_ms, t2_star_ms
        Relaxation times, ms.
    adc_mm2_per_s
        Apparent diffusion coefficient, mm2/s (the same at both fields).
    proton_density
        Relative to water, 0 to 1.
    """

    t1_ms: float
    t2_ms: float
    t2_star_ms: float
    adc_mm2_per_s: float
    proton_density: float


# Sources by letter, beside each row.
# A  de Bazelaire et al., Radiology 230(3), 2004. doi:10.1148/radiol.2303021331 (T1, T2; 1.5 and 3.0 T)
# B  Stanisz et al., Magn Reson Med 54(3), 2005. doi:10.1002/mrm.20605 (T1, T2; 1.5 and 3 T)
# C  Taouli and Koh, Radiology 254(1), 2010. doi:10.1148/radiol.09090021 (ADC of liver and its lesions)
# D  Rooney et al., Magn Reson Med 57(2), 2007. doi:10.1002/mrm.21122 (T1 of cerebrospinal fluid and blood)
# E  Gloviczki et al., Comparison of 1.5 and 3 T BOLD MR to study oxygenation of kidney cortex and medulla in human
#    renovascular disease, Invest Radiol, 2009 (R2* of kidney; 1.5 and 3 T)
# F  Roy et al., J Cardiovasc Magn Reson 19, 2017. doi:10.1186/s12968-017-0371-5 (T2* of myocardium; 3 T)
# G  Magn Reson Med 65(3), 2011. doi:10.1002/mrm.22640 (T2* of pancreas at 1.5 T, 120 healthy: 24 to 52 ms)
# H  assumption: no single source; chosen for the relative appearance radiologists describe. T2* without E, F, G or
#    L is such, below T2 and shorter at 3 T: with an echo time of 1.3 ms the gradient echo hardly sees it. Proton
#    density without M is such, set in relation to liver and muscle.
# K  Jafar et al., World J Radiol 8(1), 2016. doi:10.4329/wjr.v8.i1.21 (median ADC over 115 studies: liver 1.28,
#    kidney 1.94, pancreas 1.60, spleen 0.85, gallbladder 2.73; the split into cortex and medulla is H)
# L  Obrzut et al., Sci Rep 10, 2020. doi:10.1038/s41598-020-74968-z (liver at 1.5 T, 100 healthy: R2* 28.7 / s)
# M  MRXCAT, Wissmann et al., J Cardiovasc Magn Reson 16, 2014. doi:10.1186/s12968-014-0063-3 (proton density in
#    its published parameters, round numbers: muscle 80, fat 70, blood 95, liver 90 %). Its 12 % for bone are not
#    taken: that is bone with its cortex, T2 20 ms; the tissue here is marrow, which is not dark in vertebrae.
# N  ADC of marrow 0.42 (PMC8161193, whole body, 100 healthy, 1.5 T) to 0.54 (lumbar spine of the young)
# Columns: (T1, T2, T2*) at 1.5 T | (T1, T2, T2*) at 3.0 T | ADC / 1e-3 mm2/s | proton density | sources
_Times = tuple[float, float, float]
_TABLE: dict[Tissue, tuple[_Times, _Times, float, float]] = {
    Tissue.AIR: ((1000, 10, 1), (1000, 10, 1), 0.0, 0.0),  # H: no signal
    Tissue.LUNG: ((1200, 40, 2.0), (1300, 35, 1.0), 1.5, 0.12),  # H: little water, short T2*
    Tissue.SKIN: ((887, 30, 12), (1000, 28, 9), 0.8, 0.55),  # H
    Tissue.SUBCUTANEOUS_FAT: ((343, 58, 35), (382, 68, 25), 0.05, 0.70),  # A, M; ADC H
    Tissue.VISCERAL_FAT: ((343, 58, 35), (382, 68, 25), 0.05, 0.70),  # A, M; ADC H
    Tissue.MUSCLE: ((856, 27, 24), (898, 29, 20), 1.45, 0.80),  # A, M; ADC H
    Tissue.BONE_MARROW: ((549, 49, 12), (586, 49, 8), 0.45, 0.40),  # A, N
    Tissue.SPINAL_CORD: ((745, 74, 50), (993, 78, 40), 1.0, 0.75),  # B; ADC H
    Tissue.CEREBROSPINAL_FLUID: ((4070, 2000, 500), (4070, 1800, 400), 3.0, 1.0),  # D; T2, ADC H
    Tissue.LIVER: ((586, 46, 35), (809, 34, 20), 1.28, 0.90),  # A, K, L, M
    Tissue.HEPATIC_VEIN: ((1441, 180, 90), (1932, 120, 50), 8.0, 0.95),  # B T1, M; venous T2, flow ADC H
    Tissue.PORTAL_VEIN: ((1441, 200, 90), (1932, 140, 50), 8.0, 0.95),  # B T1, M; venous T2, flow ADC H
    Tissue.AORTA: ((1441, 290, 150), (1932, 275, 90), 12.0, 0.95),  # B, M; flow ADC H
    Tissue.VENA_CAVA: ((1441, 180, 90), (1932, 120, 50), 8.0, 0.95),  # B T1, M; venous T2, flow ADC H
    Tissue.SPLEEN: ((1057, 79, 45), (1328, 61, 30), 0.85, 0.95),  # A, K
    Tissue.KIDNEY_CORTEX: ((966, 87, 83), (1142, 76, 73), 2.0, 0.95),  # A, E, K
    Tissue.KIDNEY_MEDULLA: ((1412, 85, 45), (1545, 81, 32), 1.88, 0.97),  # A, E, K
    Tissue.PANCREAS: ((584, 46, 35), (725, 43, 28), 1.6, 0.90),  # A, G, K
    Tissue.STOMACH_WALL: ((900, 50, 30), (1000, 45, 22), 1.5, 0.80),  # H: near muscle
    Tissue.STOMACH_CONTENT: ((2500, 250, 60), (2800, 200, 40), 2.4, 0.95),  # H: aqueous
    Tissue.BOWEL: ((1100, 75, 25), (1200, 65, 15), 1.6, 0.80),  # H: wall and content together
    Tissue.GALLBLADDER: ((2200, 550, 200), (2400, 450, 150), 2.73, 0.97),  # K; H: between blood and water
    Tissue.BILE_DUCT: ((2400, 600, 200), (2600, 500, 150), 2.73, 0.97),  # H: as gallbladder
    Tissue.MYOCARDIUM: ((1030, 40, 32), (1471, 47, 24), 1.8, 0.80),  # B, F, M as muscle; ADC H
    Tissue.HEART_BLOOD: ((1441, 290, 120), (1932, 275, 80), 12.0, 0.95),  # B, M; flow ADC H
    Tissue.TUMOUR: ((900, 80, 40), (1180, 66, 30), 1.10, 0.95),  # C ADC; T1, T2 H: longer than liver
    Tissue.TUMOUR_NECROSIS: ((1700, 160, 70), (2000, 135, 50), 2.0, 0.98),  # C ADC; T1, T2 H: towards fluid
    Tissue.TUMOUR_CAPSULE: ((900, 36, 20), (1050, 30, 15), 1.2, 0.80),  # H: fibrous tissue
}


def tissue_properties(tissue: Tissue, field_strength_t: float) -> TissueProperties:
    """Return the properties of `tissue` at 1.5 T or 3.0 T."""
    low, high, adc, density = _TABLE[tissue]
    t1, t2, t2_star = high if field_strength_t > 2 else low
    return TissueProperties(t1, t2, t2_star, adc * 1e-3, density)
