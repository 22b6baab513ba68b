"""What the headers say of the contrast agent, against the one that the method needs."""

from collections.abc import Iterator, Mapping, Sequence

from dicom_io.assembly.evidence import DYNAMIC_ROLES, Candidate
from dicom_io.assembly.refusals import Refusal, refuse
from dicom_io.assembly.scoring import Scored
from pipeline.study import Role

_AFTER_CONTRAST = DYNAMIC_ROLES[1:]


def agent_objection(t1: Sequence[Candidate], choices: Mapping[Role, Scored]) -> Refusal | None:
    """Return why the agent forbids the method, or None.

    Parameters
    ----------
    t1
        All possible phases of contrast of the study.
    choices
        What was chosen of them, by role.
    """
    agents = {candidate.agent for candidate in t1}
    if "other" in agents:
        return refuse("SM-AGENT", "Another contrast agent than gadoxetate is named in the headers.")
    if "several" in agents:
        return refuse("SM-AGENT", "The headers name gadoxetate and another contrast agent.")
    after = {choices[role].candidate.agent for role in _AFTER_CONTRAST if role in choices}
    if (len(t1) > 1 and agents == {"none"}) or ("none" in after and after <= {"none", "absent"}):
        return refuse("SM-AGENT", "The headers say that no contrast agent was given.")
    return None


def unknown_agents(choices: Mapping[Role, Scored]) -> Iterator[str]:
    """Yield a warning for each text that is given as the agent of a phase and names none that the rules know."""
    phases = [choices[role] for role in DYNAMIC_ROLES if role in choices]
    unknown = {item.subvolume.physics.agent for item in phases if item.candidate.agent == "unnamed"}
    for text in sorted(unknown):
        yield f"The contrast agent is given as {text!r}, which is none that the series rules know."
