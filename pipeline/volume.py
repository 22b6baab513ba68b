"""An image and where it lies."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.geometry import Grid


@dataclass(frozen=True, eq=False)
class Volume:
    """Intensities on a grid.

    Parameters
    ----------
    array
        (k, j, i) float32, finite; copied where it is of another type, and made read-only.
    grid
        The lattice of `array`, LPS mm.

    Raises
    ------
    ValueError
        The shape differs from the grid's, or a value is not finite.
    """

    array: npt.NDArray[np.float32]
    grid: Grid

    def __post_init__(self) -> None:
        array = np.ascontiguousarray(self.array, dtype=np.float32)
        if array is self.array and array.flags.writeable:
            array = array.copy()
        if array.shape != self.grid.shape:
            raise ValueError(f"array has shape {array.shape}, its grid {self.grid.shape}")
        if not np.isfinite(array).all():
            raise ValueError("array holds values that are not finite")
        array.setflags(write=False)
        object.__setattr__(self, "array", array)

    def __reduce__(self) -> tuple[object, ...]:
        # Rebuilt through the constructor, so that a copy in another process is read-only as well.
        return (Volume, (self.array, self.grid))


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Whole-number labels on a grid; 0 is background.

    Parameters
    ----------
    array
        (k, j, i) uint8; copied where it is of another type, and made read-only.
    grid
        The lattice of `array`, LPS mm.

    Raises
    ------
    ValueError
        The shape differs from the grid's.
    """

    array: npt.NDArray[np.uint8]
    grid: Grid

    def __post_init__(self) -> None:
        array = np.ascontiguousarray(self.array, dtype=np.uint8)
        if array is self.array and array.flags.writeable:
            array = array.copy()
        if array.shape != self.grid.shape:
            raise ValueError(f"array has shape {array.shape}, its grid {self.grid.shape}")
        array.setflags(write=False)
        object.__setattr__(self, "array", array)

    def __reduce__(self) -> tuple[object, ...]:
        # Rebuilt through the constructor, so that a copy in another process is read-only as well.
        return (LabelMap, (self.array, self.grid))
