"""Results as DICOM: SEG, structured report, summary page, and the document beside them."""

from dicom_io.results.report_object import PriorReport
from dicom_io.results.writing import write_refusal, write_results
from dicom_io.results.written import ResultContext, WrittenResults

__all__ = ["PriorReport", "ResultContext", "WrittenResults", "write_refusal", "write_results"]
