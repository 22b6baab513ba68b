"""How well the segmentation of a model did on cases that it did not learn from, for its record."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipeline.study import FIXED_ROLE
from pipeline.training.outlines import AGREEMENT

RESAMPLES: Final = 5000
FEWEST: Final = 2
"""Cases that an interval takes."""


def held_out_dice(folder: Path, unseen: Iterable[str]) -> dict[str, Any]:
    """Return the mean Dice of tumour and liver in the hepatobiliary phase, with its 95 % interval.

    Parameters
    ----------
    folder
        Of the features, with the agreement of each case.
    unseen
        Names of the cases that it did not learn from.

    Returns
    -------
    dict
        Nothing of what nobody outlined. The interval resamples cases (percentile bootstrap).
    """
    found: dict[str, list[float]] = {"tumour": [], "liver": []}
    for path in (folder / f"{name}{AGREEMENT}" for name in unseen):
        document = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for title, key in (("tumour", "segmentation"), ("liver", "liver")):
            if (value := document.get(key, {}).get(FIXED_ROLE.value)) is not None:
                found[title].append(float(value))
    return {title: _summary(values) for title, values in found.items() if values}


def _summary(values: Iterable[float]) -> dict[str, Any]:
    dice = np.array(list(values))
    summary: dict[str, Any] = {"cases": len(dice), "mean": round(float(dice.mean()), 4)}
    if len(dice) >= FEWEST:
        means = np.random.default_rng(0).choice(dice, (RESAMPLES, len(dice))).mean(axis=1)
        summary["interval_95"] = [round(float(end), 4) for end in np.percentile(means, [2.5, 97.5])]
    return summary
