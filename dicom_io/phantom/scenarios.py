"""Studies that go well and studies that must be refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dicom_io.phantom.plan import SeriesKind
from pipeline.phantom import PhantomSettings

_USUAL = frozenset(SeriesKind) - {SeriesKind.T1_TRANSITIONAL}


@dataclass(frozen=True)
class Scenario:
    """What is written and what a node must answer.

    Parameters
    ----------
    summary
        One line for ``--list``.
    code
        Expected refusal code; None where the study must be accepted.
    series
        What is written.
    gap_in
        Series that lacks its middle slice.
    of_other_patient
        Series that carry another patient's identity under the same study.
    settings
        Of the case.
    """

    summary: str
    code: str | None = None
    series: frozenset[SeriesKind] = _USUAL
    gap_in: SeriesKind | None = None
    of_other_patient: frozenset[SeriesKind] = frozenset()
    settings: PhantomSettings = field(default_factory=PhantomSettings)

    @property
    def status(self) -> str:
        """What series matching must answer: ``accepted`` or ``refused``."""
        return "accepted" if self.code is None else "refused"


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "standard": Scenario("six sequences and the usual distractors, axial"),
        "oblique": Scenario(
            "as standard, slices tilted by 12 and 7 degrees", settings=PhantomSettings(oblique_deg=12.0)
        ),
        "no-hepatobiliary": Scenario(
            "the last T1 is a transitional phase at 3 min",
            "SM-NOHBP",
            (_USUAL - {SeriesKind.T1_HEPATOBILIARY, SeriesKind.T1_CORONAL}) | {SeriesKind.T1_TRANSITIONAL},
        ),
        "missing-t2": Scenario("no T2 series", "SM-MISSING-T2", _USUAL - {SeriesKind.T2}),
        "gap": Scenario("the portal phase lacks a slice", "SM-INCOMPLETE", gap_in=SeriesKind.T1_PORTAL),
        "two-patients": Scenario(
            "T2 and diffusion carry another patient's identity under the same study",
            "SM-PATIENT",
            of_other_patient=frozenset({SeriesKind.T2, SeriesKind.DWI, SeriesKind.ADC}),
        ),
    }
)
"""By name on the command line."""
