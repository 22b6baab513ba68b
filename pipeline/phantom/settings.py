"""What a caller may choose about a phantom."""

from dataclasses import dataclass

FIELD_STRENGTHS_T = (1.5, 3.0)
"""Field strengths for which the tissue table has values, T."""


@dataclass(frozen=True)
class PhantomSettings:
    """Choices that shape one phantom study; everything else follows from the seed.

    Parameters
    ----------
    field_strength_t
        1.5 or 3.0, T.
    max_rotation_deg
        Largest rotation of the patient between a sequence and the hepatobiliary phase, per axis, degrees.
    max_shift_mm
        Largest translation, craniocaudal (breathing), mm; in the other two directions 0.3 of it.
    oblique_deg
        Tilt of all axial acquisitions about the left-right axis (and 0.6 of it about the anterior one), degrees.
    tumour_count
        Number of tumours, 1 to 3; None draws it (85 % one, 12 % two, 3 % three).
    tumour_diameter_mm
        Smallest and largest diameter of the main tumour, mm; the distribution is skewed to 15-70.
    mvi_prevalence
        Probability of microvascular invasion [1]_.
    force_mvi
        Fixes the status instead of drawing it; None draws it.
    with_distractors
        Whether to compute the sequences that no role needs; training does without.
    thin_slices
        Acquire the dynamic phases in 72 slices of 3 mm at 1.5 mm, as recent scanners do, and not after the paper.

    Raises
    ------
    ValueError
        A value is outside its range.

    References
    ----------
    .. [1] 140 of 420 patients. Lin et al., J Cancer 15(19), 2024. doi:10.7150/jca.93712
    """

    field_strength_t: float = 3.0
    max_rotation_deg: float = 3.0
    max_shift_mm: float = 10.0
    oblique_deg: float = 0.0
    tumour_count: int | None = None
    tumour_diameter_mm: tuple[float, float] = (10.0, 100.0)
    mvi_prevalence: float = 1 / 3
    force_mvi: bool | None = None
    with_distractors: bool = True
    thin_slices: bool = False

    def __post_init__(self) -> None:
        smallest, largest = self.tumour_diameter_mm
        allowed = {
            "field_strength_t must be 1.5 or 3.0": self.field_strength_t in FIELD_STRENGTHS_T,
            "max_rotation_deg must be within 0 and 15": 0 <= self.max_rotation_deg <= 15,
            "max_shift_mm must be within 0 and 30": 0 <= self.max_shift_mm <= 30,
            "oblique_deg must be within -30 and 30": -30 <= self.oblique_deg <= 30,
            "tumour_count must be 1, 2 or 3": self.tumour_count in (None, 1, 2, 3),
            "tumour_diameter_mm must rise and lie within 5 and 110": 5 <= smallest < largest <= 110,
            "mvi_prevalence must be within 0 and 1, exclusive": 0 < self.mvi_prevalence < 1,
        }
        wrong = [sentence for sentence, holds in allowed.items() if not holds]
        if wrong:
            raise ValueError("; ".join(wrong))
