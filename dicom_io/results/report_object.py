"""What a report of an analysis and a report of a refusal have in common as objects."""

from collections.abc import Sequence
from dataclasses import dataclass

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian

from dicom_io.results import codes
from dicom_io.results.normalising import normalised
from dicom_io.results.product import MANUFACTURER, MODEL_NAME, Product
from dicom_io.results.report_items import reference
from dicom_io.results.uids import ResultUids

SERIES_NUMBER = 9002


@dataclass(frozen=True)
class PriorReport:
    """An earlier report that a new one replaces (Predecessor Documents Sequence, PS3.3 C.17.2)."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


def report_object(
    document: sr.MeasurementReport,
    evidence: Sequence[Dataset],
    product: Product,
    uids: ResultUids,
    predecessor: PriorReport | None,
    *,
    is_complete: bool,
) -> sr.Comprehensive3DSR:
    """Wrap a document as an object that the node never verifies and never calls final."""
    return sr.Comprehensive3DSR(
        evidence=evidence,
        content=document,
        series_instance_uid=uids.series("SR"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uids.instance("SR"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=product.software_versions[0],
        device_serial_number=product.serial_number,
        series_description="AI MVI report - research use only",
        is_complete=is_complete,
        is_final=False,
        is_verified=False,
        previous_versions=None if predecessor is None else [_prior(predecessor)],
        coding_schemes=codes.coding_schemes(),
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )


def reported_procedure(header: Dataset) -> Code:
    """Return the first procedure code of the study that is whole and fits or, without one, MRI."""
    stored = normalised(header["ProcedureCodeSequence"]) if "ProcedureCodeSequence" in header else None
    for item in stored.value if stored is not None else ():
        parts = [
            str(item.get(key) or "").strip() for key in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
        ]
        if all(parts):
            return Code(*parts)
    return codes.MRI


def _prior(predecessor: PriorReport) -> Dataset:
    return reference(
        predecessor.study_instance_uid,
        predecessor.series_instance_uid,
        Comprehensive3DSRStorage,
        predecessor.sop_instance_uid,
    )
