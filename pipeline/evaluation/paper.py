"""What the paper reports, to stand beside a cohort's figures.

Lin et al., J Cancer 15(19), 2024. doi:10.7150/jca.93712. Mean and half the 95 % interval, as printed. For the
proposed setting its table 1 has the sensitivity that its table 2 calls specificity, and its text describes the two
the wrong way round; so neither stands here.
"""

from collections.abc import Mapping
from typing import Final

Figure = tuple[float, float]

PAPER_AUC: Final[Mapping[str, Figure]] = {
    "sequence_DWI": (0.749, 0.018),
    "sequence_T1_PRE": (0.670, 0.055),
    "sequence_T1_ARTERIAL": (0.767, 0.094),
    "sequence_T1_PORTAL": (0.779, 0.031),
    "sequence_T1_HEPATOBILIARY": (0.775, 0.011),
    "sequence_T2": (0.778, 0.058),
    "proposed": (0.794, 0.033),
    "manual": (0.797, 0.074),
    "manual_radiomics": (0.703, 0.122),
    "radiomics": (0.674, 0.057),
    "clinical": (0.535, 0.033),
}
"""Test AUC by setting; tables 1 and 2."""

PAPER_ACC: Final[Mapping[str, Figure]] = {
    "sequence_DWI": (0.693, 0.03),
    "sequence_T1_PRE": (0.645, 0.062),
    "sequence_T1_ARTERIAL": (0.671, 0.03),
    "sequence_T1_PORTAL": (0.610, 0.034),
    "sequence_T1_HEPATOBILIARY": (0.519, 0.019),
    "sequence_T2": (0.593, 0.134),
    "proposed": (0.689, 0.127),
    "manual": (0.723, 0.069),
    "manual_radiomics": (0.771, 0.028),
    "radiomics": (0.638, 0.094),
    "clinical": (0.555, 0.057),
}
"""Test accuracy by setting; tables 1 and 2."""

PAPER_SIZE_AUC: Final[Mapping[str, Figure]] = {"3 to 5 cm": (0.860, 0.065)}
"""Test AUC by tumour size; the others are drawn only, figure 3."""

PAPER_SEGMENTATION_DICE: Final = 0.762
"""Table S2, as the text states it."""
