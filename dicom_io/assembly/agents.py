"""What the headers say of the contrast agent, against the one that the method needs."""

from collections.abc import Iterator, Mapping, Sequence

from dicom_io.assembly.candidate import DYNAMIC_ROLES, Candidate
from dicom_io.assembly.refusals import Refusal, refuse
from dicom_io.assembly.scoring import Scored
from pipeline.study import Role

_AFTER_CONTRAST = DYNAMIC_ROLES[1:]


def agent_objection(
    t1: Sequence[Candidate], choices: Mapping[Role, Scored], named: Sequence[Candidate] = ()
) -> Refusal | None:
    """Return why the agent forbids the method, or None.

    Parameters
    ----------
    t1
        All possible phases of contrast of the study.
    choices
        What was chosen of them, by role.
    named
        Every sub-volume of the study: whichever names another agent tells what the patient was given.
    """
    agents = {candidate.agent for candidate in t1}
    if agents & {"other", "several"}:
        found = next(candidate for candidate in t1 if candidate.agent in ("other", "several"))
        said = f"{found.subvolume.physics.agent!r} is its contrast agent (0018,0010)"
        two = "several" in agents or "gadoxetate" in agents
        return _another(found, f"{said}, beside gadoxetate" if two else said)
    told = next((candidate for candidate in (*t1, *named) if candidate.named_agent), None)
    if told is not None:
        return _another(told, f"{told.named_agent!r} stands in {told.named_in}")
    after = {choices[role].candidate.agent for role in _AFTER_CONTRAST if role in choices}
    if (len(t1) > 1 and agents == {"none"}) or ("none" in after and after <= {"none", "absent"}):
        return refuse("SM-AGENT", "The headers say that no contrast agent was given.")
    return None


def _another(candidate: Candidate, said: str) -> Refusal:
    series = candidate.subvolume.series
    which = f"Series {'without number' if series.series_number is None else series.series_number}"
    which += f" ({series.description})" if series.description else ""
    return refuse(
        "SM-AGENT",
        f"{which} names another contrast agent than gadoxetate: {said} ([agents] other).",
    )


def unknown_agents(choices: Mapping[Role, Scored]) -> Iterator[str]:
    """Yield a warning for each text that is given as the agent of a phase and names none that the rules know."""
    phases = [choices[role] for role in DYNAMIC_ROLES if role in choices]
    unknown = {item.subvolume.physics.agent for item in phases if item.candidate.agent == "unnamed"}
    for text in sorted(unknown):
        yield f"The contrast agent is given as {text!r}, which is none that the series rules know."
