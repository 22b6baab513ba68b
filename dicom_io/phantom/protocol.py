"""The examination that scenarios vary: every series of the phantom case with its usual number and instant."""

from collections.abc import Mapping

from dicom_io.phantom.plan import Making, Parameters, Part, SeriesKind, SeriesPlan, StudyPlan, Technique
from pipeline.phantom import PhantomCase
from pipeline.phantom.protocol import SEQUENCES, TRANSITIONAL_S, Kind
from pipeline.study import Role
from pipeline.volume import Volume

LOCALIZER_S = -420.0
PRE_S = -120.0
CORONAL_S = 1260.0

_TECHNIQUES = {
    Kind.GRADIENT_ECHO: Technique.SPOILED_3D,
    Kind.SPIN_ECHO: Technique.TSE,
    Kind.DIFFUSION: Technique.ECHO_PLANAR,
}
_NUMBERS = {
    Role.T1_PRE: 2,
    Role.T1_ARTERIAL: 3,
    Role.T1_PORTAL: 4,
    Role.T2: 6,
    Role.DWI: 7,
    Role.T1_HEPATOBILIARY: 8,
}


def usual_plan(case: PhantomCase) -> StudyPlan:
    """Lay out the six roles and the usual distractors: localizer, ADC map, subtraction, coronal series.

    Raises
    ------
    ValueError
        The case was made without distractors.
    """
    if not case.distractors:
        raise ValueError("a phantom study is written with its distractors; make the case with them")
    roles = {role: _role_series(case, role) for role in Role}
    late, arterial = roles[Role.T1_HEPATOBILIARY], roles[Role.T1_ARTERIAL]
    localizer = SeriesPlan(
        SeriesKind.LOCALIZER,
        1,
        Parameters(Technique.SINGLE_SHOT, SEQUENCES[Role.T2].tr_ms, 70.0, 90.0),
        tuple(Part(volume, LOCALIZER_S) for volume in _localizers(case.distractors)),
    )
    adc = Part(case.distractors["ADC"], roles[Role.DWI].at_s, making=Making.ADC)
    subtraction = Part(case.distractors["T1_SUBTRACTION"], arterial.at_s, making=Making.SUBTRACTION)
    coronal = Part(case.distractors["T1_CORONAL"], CORONAL_S)
    return StudyPlan(
        (
            localizer,
            *(roles[role] for role in (Role.T1_PRE, Role.T1_ARTERIAL, Role.T1_PORTAL, Role.T2, Role.DWI)),
            SeriesPlan(SeriesKind.ADC, 700, roles[Role.DWI].parameters, (adc,)),
            late,
            SeriesPlan(SeriesKind.T1_CORONAL, 9, late.parameters, (coronal,)),
            SeriesPlan(SeriesKind.T1_SUBTRACTION, 300, arterial.parameters, (subtraction,)),
        )
    )


def transitional(case: PhantomCase, plan: StudyPlan, at_s: float = TRANSITIONAL_S) -> SeriesPlan:
    """Return the series of the transitional phase, which the usual plan leaves out."""
    part = Part(case.distractors["T1_TRANSITIONAL"], at_s)
    return SeriesPlan(SeriesKind.T1_TRANSITIONAL, 5, plan.of(SeriesKind.T1_PORTAL).parameters, (part,))


def _role_series(case: PhantomCase, role: Role) -> SeriesPlan:
    sequence = SEQUENCES[role]
    at_s = PRE_S if sequence.after_injection_s is None else sequence.after_injection_s
    parts: tuple[Part, ...] = (Part(case.study.volumes[role], at_s, role),)
    if role is Role.DWI:
        unweighted = Part(case.distractors["DWI_B0"], at_s, b_s_per_mm2=0.0)
        weighted = Part(case.study.volumes[role], at_s, role, b_s_per_mm2=sequence.b_s_per_mm2)
        parts = (unweighted, weighted)
    parameters = Parameters(_TECHNIQUES[sequence.kind], sequence.tr_ms, sequence.te_ms, sequence.flip_deg)
    return SeriesPlan(SeriesKind(role.value), _NUMBERS[role], parameters, parts)


def _localizers(distractors: Mapping[str, Volume]) -> tuple[Volume, ...]:
    return tuple(distractors[f"LOCALIZER_{plane}"] for plane in ("AXIAL", "CORONAL", "SAGITTAL"))
