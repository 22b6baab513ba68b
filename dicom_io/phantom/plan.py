"""The series of the examination, in the order in which the scanner makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from pipeline.phantom import PhantomCase
from pipeline.phantom.protocol import SEQUENCES, TRANSITIONAL_S, Kind, Sequence
from pipeline.study import Role
from pipeline.volume import Volume


class SeriesKind(StrEnum):
    """What a series is; the names of the roles are those of `Role`."""

    LOCALIZER = "LOCALIZER"
    T1_PRE = "T1_PRE"
    T1_ARTERIAL = "T1_ARTERIAL"
    T1_PORTAL = "T1_PORTAL"
    T1_TRANSITIONAL = "T1_TRANSITIONAL"
    T2 = "T2"
    DWI = "DWI"
    ADC = "ADC"
    T1_HEPATOBILIARY = "T1_HEPATOBILIARY"
    T1_CORONAL = "T1_CORONAL"
    T1_SUBTRACTION = "T1_SUBTRACTION"


DERIVED = frozenset({SeriesKind.ADC, SeriesKind.T1_SUBTRACTION})
"""Computed by the scanner, not acquired."""

LOCALIZER_S = -420.0
PRE_S = -120.0
CORONAL_S = 1260.0


@dataclass(frozen=True, eq=False)
class Part:
    """One volume of a series.

    Parameters
    ----------
    b_s_per_mm2
        Diffusion weighting, None where the series has none.
    role
        Which role the volume fills, if any.
    """

    volume: Volume
    b_s_per_mm2: float | None = None
    role: Role | None = None


@dataclass(frozen=True, eq=False)
class SeriesPlan:
    """One series to be written.

    Parameters
    ----------
    number
        SeriesNumber.
    sequence
        Repetition and echo time, flip angle.
    at_s
        Acquisition time relative to the start of injection, s.
    parts
        Volumes in the order of their instance numbers.
    """

    kind: SeriesKind
    number: int
    sequence: Sequence
    at_s: float
    parts: tuple[Part, ...]

    @property
    def enhanced(self) -> bool:
        """Whether it was acquired after the injection."""
        return self.at_s > 0

    @property
    def is_gradient_echo(self) -> bool:
        """Whether it is a 3D spoiled gradient echo."""
        return self.sequence.kind is Kind.GRADIENT_ECHO


def plan_series(case: PhantomCase) -> dict[SeriesKind, SeriesPlan]:
    """Lay out every series of `case`, the transitional phase included.

    Raises
    ------
    ValueError
        The case was made without distractors.
    """
    if not case.distractors:
        raise ValueError("a phantom study is written with its distractors; make the case with them")
    scout = replace(SEQUENCES[Role.T2], te_ms=70.0)
    coronal = SEQUENCES[Role.T1_HEPATOBILIARY]
    extra = {
        SeriesKind.LOCALIZER: _plain(1, scout, LOCALIZER_S, _localizers(case.distractors)),
        SeriesKind.T1_TRANSITIONAL: _plain(
            5, SEQUENCES[Role.T1_PORTAL], TRANSITIONAL_S, (case.distractors["T1_TRANSITIONAL"],)
        ),
        SeriesKind.ADC: _plain(700, SEQUENCES[Role.DWI], _time_s(Role.DWI), (case.distractors["ADC"],)),
        SeriesKind.T1_CORONAL: _plain(9, coronal, CORONAL_S, (case.distractors["T1_CORONAL"],)),
        SeriesKind.T1_SUBTRACTION: _plain(
            300, SEQUENCES[Role.T1_ARTERIAL], _time_s(Role.T1_ARTERIAL), (case.distractors["T1_SUBTRACTION"],)
        ),
    }
    numbers = {
        Role.T1_PRE: 2,
        Role.T1_ARTERIAL: 3,
        Role.T1_PORTAL: 4,
        Role.T2: 6,
        Role.DWI: 7,
        Role.T1_HEPATOBILIARY: 8,
    }
    roles = {
        SeriesKind(role.value): (number, SEQUENCES[role], _time_s(role), _role_parts(case, role))
        for role, number in numbers.items()
    }
    return {kind: SeriesPlan(kind, *{**extra, **roles}[kind]) for kind in SeriesKind}


_Fields = tuple[int, Sequence, float, tuple[Part, ...]]


def _plain(number: int, sequence: Sequence, at_s: float, volumes: tuple[Volume, ...]) -> _Fields:
    return number, sequence, at_s, tuple(Part(volume) for volume in volumes)


def _time_s(role: Role) -> float:
    after = SEQUENCES[role].after_injection_s
    return PRE_S if after is None else after


def _localizers(distractors: Mapping[str, Volume]) -> tuple[Volume, ...]:
    return tuple(distractors[f"LOCALIZER_{plane}"] for plane in ("AXIAL", "CORONAL", "SAGITTAL"))


def _role_parts(case: PhantomCase, role: Role) -> tuple[Part, ...]:
    volume = case.study.volumes[role]
    if role is not Role.DWI:
        return (Part(volume, role=role),)
    weighting = SEQUENCES[role].b_s_per_mm2
    return Part(case.distractors["DWI_B0"], 0.0), Part(volume, weighting, role)
