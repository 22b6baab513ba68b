"""The phantom study of full size that the benchmarks share: 256 x 256 x 72 at 1.5 x 1.5 x 3 mm, one tumour."""

from typing import Final

from pipeline.phantom import PhantomCase, PhantomSettings, make_case

SEED: Final = 880_001
DIAMETERS_MM: Final = {3: (29.0, 31.0), 8: (66.0, 68.0)}
"""By nominal size, cm: of the ball before its lobes grow."""


def full_size_case(size_cm: int, number: int = 0) -> PhantomCase:
    """Make the phantom with a tumour of `size_cm`; a further `number` is another patient."""
    settings = PhantomSettings(thin_slices=True, tumour_count=1, tumour_diameter_mm=DIAMETERS_MM[size_cm])
    return make_case(SEED + size_cm + 100 * number, settings=settings)
