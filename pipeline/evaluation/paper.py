"""What the paper reports, to stand beside a cohort's figures.

Lin et al., J Cancer 15(19), 2024. doi:10.7150/jca.93712. Mean and half the 95 % interval, as printed.

The proposed setting stands in both its tables, with sensitivity and specificity swapped: 0.900 and 0.536 in table
1, 0.536 and 0.900 in table 2. Here it stands as table 1 has it, to which its accuracy fits: 0.689 needs a share of
invasion of 0.42 then, and five of the six other rows of that table 0.39 to 0.46. No other row is in both tables.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

Figure = tuple[float, float]


class PaperRow(NamedTuple):
    """The four figures of a setting, each with half its interval."""

    acc: Figure
    auc: Figure
    sen: Figure
    spe: Figure


PAPER_TEST: Final[Mapping[str, PaperRow]] = {
    "sequence_DWI": PaperRow((0.693, 0.03), (0.749, 0.018), (0.242, 0.087), (0.986, 0.023)),
    "sequence_T1_PRE": PaperRow((0.645, 0.062), (0.670, 0.055), (0.362, 0.239), (0.881, 0.105)),
    "sequence_T1_ARTERIAL": PaperRow((0.671, 0.03), (0.767, 0.094), (0.231, 0.101), (0.957, 0.017)),
    "sequence_T1_PORTAL": PaperRow((0.610, 0.034), (0.779, 0.031), (1.0, 0.0), (0.323, 0.059)),
    "sequence_T1_HEPATOBILIARY": PaperRow((0.519, 0.019), (0.775, 0.011), (0.962, 0.033), (0.151, 0.049)),
    "sequence_T2": PaperRow((0.593, 0.134), (0.778, 0.058), (0.857, 0.302), (0.509, 0.251)),
    "proposed": PaperRow((0.689, 0.127), (0.794, 0.033), (0.900, 0.138), (0.536, 0.091)),
    "manual": PaperRow((0.723, 0.069), (0.797, 0.074), (0.828, 0.091), (0.621, 0.222)),
    "manual_radiomics": PaperRow((0.771, 0.028), (0.703, 0.122), (0.827, 0.059), (0.782, 0.132)),
    "radiomics": PaperRow((0.638, 0.094), (0.674, 0.057), (0.408, 0.112), (0.762, 0.451)),
    "clinical": PaperRow((0.555, 0.057), (0.535, 0.033), (0.624, 0.075), (0.383, 0.125)),
}
"""Test part by setting; tables 1 and 2."""

PAPER_VALIDATION: Final[Mapping[str, PaperRow]] = {
    "sequence_DWI": PaperRow((0.790, 0.087), (0.924, 0.073), (0.713, 0.187), (0.857, 0.096)),
    "sequence_T1_PRE": PaperRow((0.767, 0.107), (0.822, 0.137), (0.431, 0.222), (0.970, 0.026)),
    "sequence_T1_ARTERIAL": PaperRow((0.771, 0.128), (0.815, 0.176), (0.643, 0.259), (0.866, 0.069)),
    "sequence_T1_PORTAL": PaperRow((0.867, 0.059), (0.917, 0.068), (0.726, 0.102), (0.959, 0.054)),
    "sequence_T1_HEPATOBILIARY": PaperRow((0.810, 0.075), (0.910, 0.092), (0.677, 0.11), (0.898, 0.135)),
    "sequence_T2": PaperRow((0.786, 0.064), (0.856, 0.091), (0.746, 0.138), (0.837, 0.095)),
    "proposed": PaperRow((0.793, 0.134), (0.882, 0.058), (0.857, 0.302), (0.509, 0.251)),
}
"""Validation part by setting, table 1. The proposed row has SEN and SPE of the test part of T2."""

PROPOSED_OF_TABLE_2: Final = {"sen": (0.536, 0.091), "spe": (0.900, 0.138)}
"""What table 2 prints of the proposed setting, where it contradicts table 1."""

PAPER_SIZE_AUC: Final[Mapping[str, Figure]] = {"3 to 5 cm": (0.860, 0.065)}
"""Test AUC by tumour size; the others are drawn only, figure 3."""

PAPER_SEGMENTATION_DICE: Final = 0.762
"""Table S2, as the text states it; of which sequence, and how it spreads, it does not say."""
