"""What a report says of the study as a whole, in texts, and the instances that it rests on."""

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from dicom_io.assembly.match_result import MatchResult, RoleMatch
from dicom_io.results import codes
from dicom_io.results.report_content import PROPERTIES, text
from dicom_io.results.uids import ResultUids
from dicom_io.results.wording import (
    CLASSIFIER_TITLES,
    ROLE_TITLES,
    feature_title,
    gate_sentence,
    in_words,
    reasons,
    together,
)
from pipeline.analysis import Analysis
from pipeline.study import Role


def series_items(match: MatchResult) -> list[sr.TextContentItem]:
    """Say which series fills each role, and why."""
    items = []
    for role, chosen in match.roles.items():
        item = text(codes.MATCHED_SERIES, _choice(role, chosen))
        item.ContentSequence = sr.ContentSequence(
            [
                sr.UIDRefContentItem(
                    name=codes.SERIES_INSTANCE_UID,
                    value=chosen.series_instance_uid,
                    relationship_type=PROPERTIES,
                )
            ]
        )
        items.append(item)
    return items


def _choice(role: Role, chosen: RoleMatch) -> str:
    number = "without number" if chosen.series_number is None else str(chosen.series_number)
    count = len(chosen.instances)
    images = f"{count} images" if chosen.frame_numbers is None else f"{len(chosen.frame_numbers)} frames"
    if chosen.assigned is not None:
        by = f"Assigned by hand, not by the rules, by {chosen.assigned.by} at {chosen.assigned.at}"
        described = chosen.series_description or "no description"
        return f"{ROLE_TITLES[role]}: series {number} ({described}), {images}. {by}. Score {chosen.score:.1f}."
    rival = "no other candidate" if chosen.runner_up is None else f"next best {chosen.runner_up.score:.1f}"
    return (
        f"{ROLE_TITLES[role]}: series {number} ({chosen.series_description or 'no description'}), {images}. "
        f"Chosen for: {reasons(chosen.evidence) or 'its description'}. Score {chosen.score:.1f}, {rival}."
    )


def analysis_items(analysis: Analysis) -> list[sr.TextContentItem]:
    """Say how the risk came about, which gates were passed, and what the reader is warned of."""
    items = [text(codes.INTENDED_USE, analysis.model.intended_use)]
    if analysis.risk is None:
        items.append(text(codes.COMMENT, "No lesion was segmented; no risk was computed."))
    else:
        if len(analysis.lesions) > 1:
            # It stands with the largest lesion, for OHIF draws no number that belongs to no outline.
            items.append(text(codes.COMMENT, f"{together(len(analysis.lesions))}It stands with the largest."))
        items.append(text(codes.CLASSIFIER, CLASSIFIER_TITLES[analysis.risk.classifier]))
        if analysis.risk.missing_clinical:
            missing = ", ".join(feature_title(name) for name in analysis.risk.missing_clinical)
            items.append(text(codes.CLINICAL_MISSING, missing))
    items.extend(text(codes.QUALITY_GATE, gate_sentence(gate)) for gate in analysis.gates)
    items.extend(text(codes.WARNING, in_words(warning)) for warning in analysis.warnings)
    return items


def source_references(match: MatchResult, seg: ResultUids | None) -> list[Dataset]:
    """List every source instance of the six roles, and the SEG where there is one."""
    stubs = [
        reference(
            match.study_instance_uid, chosen.series_instance_uid, instance.sop_class_uid, instance.sop_instance_uid
        )
        for chosen in match.roles.values()
        for instance in chosen.instances
    ]
    if seg is not None:
        stubs.append(
            reference(match.study_instance_uid, seg.series("SEG"), SegmentationStorage, seg.instance("SEG"))
        )
    return stubs


def reference(study: str, series: str, sop_class: str, sop_instance: str) -> Dataset:
    """Return the four UIDs that place an instance in the hierarchy."""
    ds = Dataset()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, sop_instance
    return ds
