"""What a laboratory says, before anything of it is believed: the same for HL7, FHIR and CSV."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from config.errors import NodeError
from pipeline.study import Analyte

LOINC: Final = "LN"
"""HL7 table 0396."""
NO_VALUE: Final = "LAB-VALUE"
"""Code of a refusal where code, unit and text agree, and what stands there is no value."""
NO_STATUS: Final = "?"
"""In place of a status that says nothing of the result."""


@dataclass(frozen=True)
class PatientIdentity:
    """Whose a value is: never the name.

    Parameters
    ----------
    patient_id
        As the issuer gave it.
    issuer
        Assigning authority in capitals; empty where none is named.
    """

    patient_id: str
    issuer: str = ""

    @classmethod
    def of(cls, patient_id: str, issuer: str, default_issuer: str = "") -> "PatientIdentity":
        """Return an identity whose issuer can be compared with that of another source.

        Parameters
        ----------
        issuer
            DICOM Issuer of Patient ID, or an HL7 HD whose components are joined by ``&``: the first that is not
            empty counts, without regard to case.
        default_issuer
            Of the site, where none is named.
        """
        named = next((part.strip() for part in issuer.split("&") if part.strip()), "")
        return cls(patient_id.strip(), (named or default_issuer).upper())


@dataclass(frozen=True)
class CodedName:
    """A code with its text and coding system, any of which may be empty."""

    code: str
    text: str = ""
    system: str = ""


@dataclass(frozen=True)
class Observation:
    """One result of one patient as it was sent.

    Parameters
    ----------
    where
        Where it stands in its message or file, for refusals: ``OBX 3``, ``line 4``.
    names
        Code and text, as often as they are given.
    values
        Spellings of one value: of a coded value its code and its text.
    unit
        As sent.
    unit_text
        Beside a coded unit; where it is a unit that is accepted too, both must mean the same.
    collected_at
        Of the specimen: ISO 8601 with a day at least; empty where unknown.
    key
        Names the result at its sender, so that a correction finds what it corrects; empty: day and code do.
    correction
        The laboratory says that it replaces an earlier result.
    withdrawn
        The laboratory takes an earlier result back and gives no other.
    unobtainable
        It is withdrawn because it cannot be obtained: it may never have been sent.
    analyte
        Where the sender uses the node's own names and needs no code.
    stated_at
        When the laboratory said so: ISO 8601; empty where unknown.
    open_status
        What the sender says in place of "final"; empty: it is final, corrected or withdrawn.
    interpretations
        Codes of HL7 table 0078 that stand beside the value.
    """

    where: str
    names: tuple[CodedName, ...]
    values: tuple[str, ...]
    unit: str = ""
    collected_at: str = ""
    key: str = ""
    correction: bool = False
    withdrawn: bool = False
    unobtainable: bool = False
    unit_text: str = ""
    analyte: Analyte | None = None
    stated_at: str = ""
    open_status: str = ""
    interpretations: Collection[str] = ()


def off_scale(values: Sequence[str], flags: Collection[str]) -> tuple[str, ...]:
    """Return values with the comparator of their interpretation (HL7 table 0078: below or above the scale).

    A number that says the opposite, and one with both flags, becomes no number.
    """
    signs = "".join(sign for sign in "<>" if sign in flags)
    if not signs:
        return tuple(values)
    agreeing = {"<": ("<", "≤"), ">": (">", "≥")}.get(signs, ())
    return tuple(
        value if value.startswith(agreeing) or not any(char.isdecimal() for char in value) else signs + value
        for value in values
    )


@dataclass(frozen=True)
class AcceptedValue:
    """A laboratory value that code, unit, text and range agree on.

    Parameters
    ----------
    value
        In the unit that the analyte's name carries.
    comparator
        ``<``, ``<=``, ``>`` or ``>=`` where the value is a bound; empty where it is exact.
    unit
        Of `value`, UCUM.
    original_value, original_unit
        As sent.
    collected_at
        ISO 8601, a day at least, in the time of the laboratory.
    code
        The code that was believed; empty where the sender used the node's own name.
    key, correction, stated_at
        As in `Observation`.
    """

    analyte: Analyte
    value: float
    comparator: str
    unit: str
    original_value: str
    original_unit: str
    collected_at: str
    code: str
    key: str
    correction: bool = False
    stated_at: str = ""


class RefusedObservationError(NodeError):
    """An observation that bears one of our codes and cannot be believed.

    Parameters
    ----------
    code
        ``LAB-CODE``, ``LAB-TEXT``, ``LAB-UNIT``, ``LAB-VALUE``, ``LAB-RANGE``, ``LAB-TIME``, ``LAB-TWICE``.
    where
        Of the observation.
    because
        A sentence without patient data.
    analyte
        Which one it claims to be.
    """

    def __init__(self, code: str, where: str, because: str, analyte: Analyte) -> None:
        self.code = code
        self.where = where
        self.because = because
        self.analyte = analyte
        super().__init__(f"{where}: {because} ({code})")
