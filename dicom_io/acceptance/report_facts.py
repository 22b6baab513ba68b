"""What a structured report of this node says: the risk or the refusal, and which series filled which role."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from dicom_io.results import codes
from dicom_io.results.wording import ROLE_TITLES

_ROLES = {title: role.value for role, title in ROLE_TITLES.items()}


@dataclass(frozen=True)
class ReportFacts:
    """The content of one report.

    Parameters
    ----------
    code, reason
        Of a refusal; empty in a report of an analysis.
    risk
        Probability or score of microvascular invasion, 0 to 1; None where the report has none.
    risk_is_probability
        Whether it is calibrated.
    roles
        Series Instance UID by role, as the report states them.
    sources, segmentations
        SOP Instance UIDs of the current requested procedure evidence (PS3.3 C.17.2): images, and SEG objects.
    replaces
        SOP Instance UIDs of the predecessor documents.
    """

    code: str
    reason: str
    risk: float | None
    risk_is_probability: bool
    roles: Mapping[str, str]
    sources: frozenset[str]
    segmentations: frozenset[str]
    replaces: frozenset[str]

    @property
    def is_refusal(self) -> bool:
        """Whether the study was not analysed."""
        return bool(self.code)


def read_report(ds: Dataset) -> ReportFacts:
    """Read a report of this node (PS3.16 TID 1500).

    Raises
    ------
    ValueError
        It says neither that the study was analysed nor that it was refused.
    """
    items = list(_items(ds))
    summary = next((item for item in items if _is(item, codes.PROCESSING_SUMMARY)), None)
    if summary is None:
        raise ValueError("no processing summary")
    number = next((item for item in items if _is(item, codes.MVI_PROBABILITY, codes.MVI_SCORE)), None)
    risk = None if number is None else float(number.MeasuredValueSequence[0].NumericValue)
    evidence = dict(_references(ds, "CurrentRequestedProcedureEvidenceSequence"))
    segmentations = frozenset(uid for uid, sop_class in evidence.items() if sop_class == SegmentationStorage)
    return ReportFacts(
        code=_text(items, codes.REFUSAL_CODE),
        reason=_text(items, codes.REFUSAL_REASON),
        risk=risk,
        risk_is_probability=number is not None and _is(number, codes.MVI_PROBABILITY),
        roles=dict(filter(None, map(_role, items))),
        sources=frozenset(evidence) - segmentations,
        segmentations=segmentations,
        replaces=frozenset(dict(_references(ds, "PredecessorDocumentsSequence"))),
    )


def _items(ds: Dataset) -> Iterator[Dataset]:
    """Walk the content tree, whose depth is anybody's choice, without recursion."""
    waiting = [ds]
    while waiting:
        item = waiting.pop()
        yield item
        waiting.extend(reversed(item.get("ContentSequence") or ()))


def _is(item: Dataset, *concepts: Code) -> bool:
    names = list(item.get("ConceptNameCodeSequence") or [])
    values = {(concept.value, concept.scheme_designator) for concept in concepts}
    return bool(names) and (names[0].get("CodeValue"), names[0].get("CodingSchemeDesignator")) in values


def _text(items: list[Dataset], concept: Code) -> str:
    return next((str(item.get("TextValue") or "") for item in items if _is(item, concept)), "")


def _role(item: Dataset) -> tuple[str, str] | None:
    """Return the role that a "Source series of a role" names, and its series."""
    if not _is(item, codes.MATCHED_SERIES):
        return None
    title = str(item.get("TextValue") or "").partition(":")[0]
    uid = next((str(child.UID) for child in item.get("ContentSequence") or () if "UID" in child), "")
    return _ROLES.get(title, title), uid


def _references(ds: Dataset, keyword: str) -> Iterator[tuple[str, str]]:
    """Yield SOP Instance and SOP Class UID of what a report refers to."""
    for study in ds.get(keyword) or ():
        for series in study.get("ReferencedSeriesSequence") or ():
            for reference in series.get("ReferencedSOPSequence") or ():
                yield str(reference.ReferencedSOPInstanceUID), str(reference.ReferencedSOPClassUID)
