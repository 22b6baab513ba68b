"""What a report says of the study as a whole, in texts, and the instances that it rests on."""

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from dicom_io.assembly.match_result import MatchResult
from dicom_io.results import codes
from dicom_io.results.report_content import PROPERTIES, text
from dicom_io.results.uids import ResultUids
from pipeline.analysis import Analysis


def series_items(match: MatchResult) -> list[sr.TextContentItem]:
    """Say which series fills each role."""
    items = []
    for role, chosen in match.roles.items():
        number = "without number" if chosen.series_number is None else str(chosen.series_number)
        frames = "" if chosen.frame_numbers is None else f", {len(chosen.frame_numbers)} frames"
        item = text(
            codes.MATCHED_SERIES,
            f"{role.value}: series {number}, {chosen.series_description or 'no description'}, "
            f"{len(chosen.instances)} instances{frames}, score {chosen.score:.1f}",
        )
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


def analysis_items(analysis: Analysis) -> list[sr.TextContentItem]:
    """Say how the risk came about, which gates were passed, and what the reader is warned of."""
    items = [text(codes.INTENDED_USE, analysis.model.intended_use)]
    if analysis.risk is None:
        items.append(text(codes.COMMENT, "No lesion was segmented; no risk was computed."))
    else:
        items.append(text(codes.CLASSIFIER, analysis.risk.classifier.value))
        if analysis.risk.missing_clinical:
            items.append(text(codes.CLINICAL_MISSING, ", ".join(analysis.risk.missing_clinical)))
    for gate in analysis.gates:
        verdict = "passed" if gate.passed else "not passed"
        items.append(
            text(codes.QUALITY_GATE, f"{gate.gate}: {verdict}, {gate.value:.3g} (limit {gate.limit:.3g})")
        )
    items.extend(text(codes.WARNING, warning) for warning in analysis.warnings)
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
