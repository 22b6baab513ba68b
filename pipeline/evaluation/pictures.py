"""The pictures of a cohort, read when they are wanted: all at once would fill the memory of a laptop."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.training.pictures import View, read_view


@dataclass(frozen=True)
class CohortPictures:
    """Where the pictures of each patient are.

    Parameters
    ----------
    paths
        In the order of the cohort; None where there are none. Workers on other machines need the same folder.
    """

    paths: tuple[Path | None, ...]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Tell who has pictures; (patients,)."""
        return np.array([path is not None for path in self.paths])

    def read(self, rows: Iterable[int], view: View) -> npt.NDArray[np.float32]:
        """Read (patients, channels, [k,] j, i), 0 to 1.

        Raises
        ------
        TrainingError
            A file is damaged, of another version, or not within reach.
        """
        return np.stack([read_view(path, view) for row in rows if (path := self.paths[row]) is not None])
