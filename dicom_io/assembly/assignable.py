"""What of a study a person may assign to which role, and what not, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.series_rules import SeriesRules
from dicom_io.assembly.candidates import Sorted, sort_study
from dicom_io.assembly.copies import without_copies
from dicom_io.assembly.lexicon import Lexicon
from dicom_io.assembly.overrides import unfit
from dicom_io.assembly.scan_result import ScanResult
from dicom_io.assembly.subvolumes import SubVolume
from dicom_io.assembly.verdicts import Verdict
from pipeline.study import Role


@dataclass(frozen=True)
class Assignable:
    """One sub-volume.

    Parameters
    ----------
    sub_volume, key
        As in `RoleMatch`.
    sop_instance_uid, frame_number
        Its first frame, from 1.
    images
        Number of its frames.
    roles
        That a person may assign it to.
    code, because
        What speaks against it: where `roles` is empty, for good; else, only its description. Empty: nothing.
    """

    series_instance_uid: str
    series_number: int | None
    series_description: str
    sub_volume: str
    key: str
    sop_instance_uid: str
    frame_number: int
    images: int
    roles: tuple[Role, ...]
    code: str
    because: str


def assignable(scan: ScanResult, rules: SeriesRules) -> tuple[Assignable, ...]:
    """Return every sub-volume of one study, in the order of its series.

    Parameters
    ----------
    scan
        Facts of one study.
    rules
        Limits.
    """
    study = sort_study(without_copies(scan).scan, rules, Lexicon(rules), lambda _subvolume: True)
    return tuple(_assignable(subvolume, study, rules) for subvolume in study.verdicts)


def _assignable(subvolume: SubVolume, study: Sorted, rules: SeriesRules) -> Assignable:
    roles, verdict = _roles(subvolume, study, rules)
    first, series = subvolume.frames[0], subvolume.series
    return Assignable(
        series_instance_uid=series.series_instance_uid,
        series_number=series.series_number,
        series_description=series.description,
        sub_volume=subvolume.label,
        key=subvolume.key,
        sop_instance_uid=first.instance.sop_instance_uid,
        frame_number=first.frame_number or 1,
        images=len(subvolume.frames),
        roles=roles,
        code="" if verdict is None else verdict.code,
        because="" if verdict is None else verdict.because,
    )


def _roles(subvolume: SubVolume, study: Sorted, rules: SeriesRules) -> tuple[tuple[Role, ...], Verdict | None]:
    candidate = next((live for live in study.live if live.subvolume is subvolume), None)
    if candidate is None:
        return (), study.verdicts[subvolume]
    if candidate.defect is not None:
        return (), candidate.defect
    verdicts: Sequence[tuple[Role, Verdict | None]] = [(role, unfit(candidate, role, rules)) for role in Role]
    roles = tuple(role for role, verdict in verdicts if verdict is None)
    if roles:
        return roles, study.verdicts[subvolume]
    # Of a diffusion image it is the b-value that counts, and of anything else that it fits nothing.
    told = next((verdict for _, verdict in verdicts if verdict is not None and verdict.code == "B-VALUE"), None)
    weighted = subvolume.physics.b_value_s_per_mm2 is not None
    unfitting = Verdict("NO-ROLE", "its acquisition parameters fit none of the six sequences")
    return (), told if told is not None and weighted else unfitting
