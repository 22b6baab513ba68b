"""What the chosen sequences must share beside grid and clock: how the patient lay, and what became of fat."""

from collections.abc import Iterator, Mapping

from dicom_io.assembly.refusals import ROLE_WORDS, Refusal, refuse
from dicom_io.assembly.scoring import Scored
from pipeline.study import Role


def unlike_objections(choices: Mapping[Role, Scored]) -> Iterator[Refusal]:
    """Yield the choices for which the patient lay otherwise, or that show fat where the others show water.

    Parameters
    ----------
    choices
        By role; what a header does not say is not compared.
    """
    yield from _turned(choices)
    yield from _other_dixon(choices)


def _turned(choices: Mapping[Role, Scored]) -> Iterator[Refusal]:
    late = choices.get(Role.T1_HEPATOBILIARY)
    position = late.subvolume.series.patient_position if late is not None else ""
    for role, choice in choices.items():
        series = choice.subvolume.series
        if position and series.patient_position and series.patient_position != position:
            yield refuse(
                "SM-FOR",
                f"The patient lay otherwise (0018,5100): {series.patient_position} in the {ROLE_WORDS[role]} "
                f"({_named(choice)}), {position} in the hepatobiliary phase.",
            )


def _other_dixon(choices: Mapping[Role, Scored]) -> Iterator[Refusal]:
    late, arterial = choices.get(Role.T1_HEPATOBILIARY), choices.get(Role.T1_ARTERIAL)
    if late is None or arterial is None or late.assigned is not None:
        return
    one, other = late.subvolume.physics.dixon, arterial.subvolume.physics.dixon
    # Water and fat-suppressed images show the same; what is neither may be any image of a Dixon sequence.
    if one != other and not (_without_fat(late) and _without_fat(arterial)):
        yield refuse(
            "SM-GEOM",
            f"The hepatobiliary phase ({_named(late)}) is {_kind(one)}, the arterial phase ({_named(arterial)}) "
            f"{_kind(other)}, and no fat suppression is said of the other: both must show the same.",
        )


def _without_fat(choice: Scored) -> bool:
    around = choice.candidate.around
    suppressed = bool(choice.subvolume.physics.fat_suppressed) or "fat_suppressed" in around.concepts
    return suppressed or around.dixon == "WATER"


def _kind(dixon: str | None) -> str:
    return "no Dixon image" if dixon is None else f"the Dixon {dixon.lower().replace('_', ' ')} image"


def _named(choice: Scored) -> str:
    number = choice.subvolume.series.series_number
    return "series without number" if number is None else f"series {number}"
