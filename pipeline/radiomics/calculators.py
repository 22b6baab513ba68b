"""The feature classes of pyradiomics without what each would do again: the same values, to the last bit."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import radiomics

Levels = npt.NDArray[np.int_]

BINNED: Final = "binned"
"""Keyword of a calculator: the `Binned` that it shares with those of the same image and region."""


class Binned:
    """The grey levels of one image inside one region, made by the first calculator that asks.

    pyradiomics makes them anew in each of its six classes, a tenth of the time of the features of a small tumour.
    """

    def __init__(self) -> None:
        self._made: tuple[Levels, dict[str, Any]] | None = None

    def apply(self, coefficients: dict[str, Any], make: Callable[[], Levels]) -> Levels:
        """Return the grey levels and enter their number, as ``_applyBinning`` of pyradiomics does.

        Parameters
        ----------
        coefficients
            Of the calculator that asks; ``grayLevels`` and ``Ng`` are set.
        make
            Its own way to make them.
        """
        if self._made is None:
            levels = make()
            self._made = levels, {name: coefficients[name] for name in ("grayLevels", "Ng")}
        levels, entered = self._made
        coefficients.update(entered)
        # What a class makes of its copy is its own.
        return levels.copy()


@cache
def calculators() -> Mapping[str, Any]:
    """Return the feature classes of pyradiomics by name; each wants ``binned``, a `Binned`."""
    return {name: _sharing(found) for name, found in radiomics.getFeatureClasses().items()}


def _sharing(found: Any) -> Any:
    names: dict[str, bool] = found.getFeatureNames()

    class Sharing(found):  # type: ignore[misc]  # pyradiomics has no types
        @classmethod
        def getFeatureNames(cls) -> dict[str, bool]:  # noqa: N802 - of pyradiomics, which looks for them each time
            return dict(names)

        def _applyBinning(self, matrix: npt.NDArray[np.generic]) -> Levels:  # noqa: N802 - of pyradiomics
            shared: Binned = self.settings[BINNED]
            return shared.apply(self.coefficients, lambda: found._applyBinning(self, matrix))

    # After it the logger is called, which is quiet.
    Sharing.__module__ = found.__module__
    return Sharing
