"""A sub-volume that may fill a role, what it is judged by, and when."""

from dataclasses import dataclass

from dicom_io.assembly.clock import Clock
from dicom_io.assembly.subvolumes import SubVolume
from dicom_io.assembly.surroundings import Surroundings
from dicom_io.assembly.verdicts import Verdict
from pipeline.study import Role

DYNAMIC_ROLES = (Role.T1_PRE, Role.T1_ARTERIAL, Role.T1_PORTAL, Role.T1_HEPATOBILIARY)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A live sub-volume and what its evidence is drawn from."""

    subvolume: SubVolume
    around: Surroundings
    defect: Verdict | None
    agent: str
    """What Contrast/Bolus Agent says: gadoxetate, other, none, unnamed or absent."""
    named_agent: str = ""
    """The word for another contrast agent in its text; empty without one."""
    named_in: str = ""
    """Where that word stands."""
    grid_siblings: int = 0
    """Other T1 sub-volumes on the same grid."""


@dataclass(frozen=True)
class Timing:
    """The hypothesis under which phases are scored."""

    clock: Clock
    injection_s: float
    measured: bool
