"""Result UIDs: derived from the inputs, so that a repeat writes the same objects."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass

from dicom_io.assembly.match_result import MatchResult, SourceInstance
from pipeline.analysis import Analysis
from pipeline.study import Analyte, ClinicalValue

RESULT_FORMAT = "5"
"""Raised whenever the same analysis would be written as different content."""


def derive_uid(*parts: str) -> str:
    """Derive a UID under the UUID root (PS3.5 B.2) from `parts`.

    Parameters
    ----------
    parts
        Any texts; their order counts, and ``("a", "b")`` differs from ``("ab",)``.

    Returns
    -------
    str
        ``2.25.`` and a decimal number, at most 44 characters.
    """
    digest = hashlib.sha256("".join(f"{len(part)}:{part};" for part in parts).encode()).digest()
    # RFC 9562 5.8: version 8 is for UUIDs of one's own making.
    bits = bytearray(digest[:16])
    bits[6] = bits[6] & 0x0F | 0x80
    bits[8] = bits[8] & 0x3F | 0x80
    return f"2.25.{uuid.UUID(bytes=bytes(bits)).int}"


@dataclass(frozen=True)
class ResultUids:
    """All UIDs of one result, derived from one key.

    Parameters
    ----------
    study_instance_uid
        Of the source study, which the results join.
    key
        Everything that makes this result differ from another of the same study.
    """

    study_instance_uid: str
    key: str

    def after(self, sop_instance_uid: str) -> "ResultUids":
        """Return the UIDs of the same result, issued again after another report."""
        return ResultUids(self.study_instance_uid, derive_uid("again", self.key, sop_instance_uid))

    def _derive(self, *parts: str) -> str:
        return derive_uid(self.study_instance_uid, self.key, *parts)

    def series(self, kind: str) -> str:
        """Return the series of a ``SEG``, ``SR`` or ``SC`` result; each has a series of its own."""
        return self._derive(kind, "series")

    def instance(self, kind: str) -> str:
        """Return the instance of a ``SEG``, ``SR`` or ``SC`` result."""
        return self._derive(kind, "instance")

    def lesion(self, number: int) -> str:
        """Return the tracking UID of a lesion; SEG and SR share it."""
        return self._derive("lesion", str(number))

    def margin(self, number: int) -> str:
        """Return the tracking UID of the margin of a lesion."""
        return self._derive("margin", str(number))

    def study_evidence(self) -> str:
        """Return the tracking UID of a measurement group that belongs to no lesion."""
        return self._derive("evidence")

    def dimensions(self) -> str:
        """Return the dimension organization of the SEG."""
        return self._derive("dimensions")


def analysis_uids(
    match: MatchResult,
    analysis: Analysis,
    *,
    clinical: Mapping[Analyte, ClinicalValue],
    settings_sha256: str,
) -> ResultUids:
    """Derive the UIDs of an analysis from whatever its content follows from.

    Study, source instances, model and settings; the clinical values that were used with date and origin, the names
    of those that were missing, and the sentences for the reader, which say why.
    """
    sources = [
        f"{role.value}/{instance.sop_instance_uid}/{chosen.frame_numbers}"
        for role, chosen in sorted(match.roles.items())
        for instance in chosen.instances
    ]
    used = sorted(_clinical_part(name, value, clinical) for name, value in analysis.clinical_used.items())
    missing = [] if analysis.risk is None else [f"missing/{name}" for name in analysis.risk.missing_clinical]
    warnings = [f"warning/{sentence}" for sentence in analysis.warnings]
    inputs = (*sources, *used, *missing, *warnings)
    parts = ("analysis", RESULT_FORMAT, analysis.model.sha256, settings_sha256, *inputs)
    return ResultUids(match.study_instance_uid, derive_uid(*parts))


def refusal_uids(
    study_instance_uid: str,
    sources: Iterable[SourceInstance],
    code: str,
    model_sha256: str,
    *,
    settings_sha256: str,
    assignments: Iterable[str] = (),
) -> ResultUids:
    """Derive the UIDs of a refusal from study, source instances, code, model, settings and assignments by hand."""
    instances = sorted(source.sop_instance_uid for source in sources)
    told = [f"assignment/{sentence}" for sentence in assignments]
    parts = ("refusal", RESULT_FORMAT, code, model_sha256, settings_sha256, *instances, *told)
    return ResultUids(study_instance_uid, derive_uid(*parts))


def _clinical_part(name: str, value: float, known: Mapping[Analyte, ClinicalValue]) -> str:
    source = known.get(Analyte(name)) if name in {*Analyte} else None
    of = "" if source is None else "/".join(map(str, astuple(source)[1:]))
    # A NumPy scalar would otherwise enter the key with its type in its repr.
    return f"{name}={float(value)!r}{of}"
