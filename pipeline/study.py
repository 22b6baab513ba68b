"""What the pipeline is given: six volumes and, where known, the clinical values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The names of roles and analytes are read by every verb of the command line, and most need no numpy.
    from pipeline.volume import Volume


class Role(StrEnum):
    """The six sequences, in the order in which features and network channels are kept."""

    T2 = "T2"
    DWI = "DWI"
    T1_PRE = "T1_PRE"
    T1_ARTERIAL = "T1_ARTERIAL"
    T1_PORTAL = "T1_PORTAL"
    T1_HEPATOBILIARY = "T1_HEPATOBILIARY"


FIXED_ROLE = Role.T1_HEPATOBILIARY
"""Every other sequence is registered to this one."""

GADOXETATE = "gadoxetate"
"""The agent of the method, as a study and a model name it."""

MOVING_ROLES = tuple(role for role in Role if role is not FIXED_ROLE)


class Analyte(StrEnum):
    """Laboratory values of the clinical model; the tumour size is measured on the images."""

    AST = "ast_u_per_l"
    GGT = "ggt_u_per_l"
    TOTAL_PROTEIN = "total_protein_g_per_l"
    LYMPHOCYTE_RATIO = "lymphocyte_percent"
    FIBRINOGEN = "fibrinogen_g_per_l"
    HBCAB = "hbcab_positive"


@dataclass(frozen=True)
class ClinicalValue:
    """One laboratory value.

    Parameters
    ----------
    value
        In the unit that the analyte's name carries; HBcAb is 1.0 positive, 0.0 negative.
    collected_on
        Date of the specimen, where known.
    origin
        Where the value came from: ``hl7``, ``fhir``, ``csv``, ``phantom``, and who sent it.
    comparator
        ``<``, ``<=``, ``>`` or ``>=`` where `value` is a bound of it; empty where it is exact.
    original_value, original_unit
        As the laboratory sent them.
    collected_at
        ISO 8601, as exact as the laboratory gave it.
    message_id
        Of the message that brought it.
    """

    value: float
    collected_on: date | None = None
    origin: str = ""
    comparator: str = ""
    original_value: str = ""
    original_unit: str = ""
    collected_at: str = ""
    message_id: str = ""


@dataclass(frozen=True, eq=False)
class Study:
    """One examination as arrays.

    Parameters
    ----------
    volumes
        One volume for each of the six roles, as acquired (not registered, not resampled).
    clinical
        Laboratory values; any may be absent, none is ever invented.
    field_strength_t
        Magnetic field strength, T, where known.
    examined_on
        Date of the images, where known; laboratory values must lie near it.
    began_at
        Time of day of the first image, where known; a specimen of the same day must be older.
    contrast_agents
        Contrast agents that the study names, each once, such as ``gadoxetate``; empty where none is named.

    Raises
    ------
    ValueError
        A role is missing.
    """

    volumes: Mapping[Role, "Volume"]
    clinical: Mapping[Analyte, ClinicalValue] = field(default_factory=dict)
    field_strength_t: float | None = None
    examined_on: date | None = None
    began_at: time | None = None
    contrast_agents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        missing = [role.value for role in Role if role not in self.volumes]
        if missing:
            raise ValueError(f"study without {', '.join(missing)}")
        object.__setattr__(self, "volumes", MappingProxyType({role: self.volumes[role] for role in Role}))
        object.__setattr__(self, "clinical", MappingProxyType(dict(self.clinical)))

    def __reduce__(self) -> tuple[object, ...]:
        # A mapping proxy cannot be pickled, and a study travels to worker processes.
        return (
            Study,
            (
                dict(self.volumes),
                dict(self.clinical),
                self.field_strength_t,
                self.examined_on,
                self.began_at,
                self.contrast_agents,
            ),
        )
