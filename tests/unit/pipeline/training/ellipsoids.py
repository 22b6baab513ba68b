"""Tiny training cases: a bright ball (liver) with a brighter ball (tumour) in a dim body."""

from pathlib import Path

import numpy as np

from pipeline.training.case_store import write_case

SHAPE = (16, 24, 24)


def write_ball(folder: Path, seed: int) -> Path:
    """Write one case; the tumour lies at a random place inside the liver."""
    random = np.random.default_rng(seed)
    k, j, i = np.indices(SHAPE)
    centre = np.array([8, 12, 12]) + random.uniform(-1, 1, 3)
    tumour_centre = centre + random.uniform(-2, 2, 3)
    liver = (k - centre[0]) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 <= 7**2
    tumour = (k - tumour_centre[0]) ** 2 + (j - tumour_centre[1]) ** 2 + (i - tumour_centre[2]) ** 2 <= 3**2
    labels = np.where(tumour, 2, liver).astype(np.uint8)
    channels = 0.1 + 0.3 * liver + 0.5 * tumour + random.normal(0, 0.03, (6, *SHAPE))
    write_case(folder, channels.clip(0, 1).astype(np.float32), labels, np.ones(SHAPE, bool), (2.5, 2.0, 2.0))
    return folder
