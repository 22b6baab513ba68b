"""One analysis or refusal to a folder of files: checked first, then given their names."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from dicom_io.assembly.match_result import MatchResult, SourceInstance
from dicom_io.results.document import Json, analysis_document, refusal_document
from dicom_io.results.folder import PAGE, PAGE_DICOM, SEG, SR, ResultFolder
from dicom_io.results.product import Product
from dicom_io.results.refusal import NO_REPORT, Refusal
from dicom_io.results.refusal_page import draw_refusal
from dicom_io.results.refusal_report import build_refusal_report, readable_headers
from dicom_io.results.report import build_report, key_slice
from dicom_io.results.report_rules import check_report
from dicom_io.results.secondary_capture import build_secondary_capture
from dicom_io.results.segmentation import build_segmentation
from dicom_io.results.segments import segments_of
from dicom_io.results.sources import segmented_series
from dicom_io.results.summary_page import draw_summary
from dicom_io.results.uids import analysis_uids, refusal_uids
from dicom_io.results.validation import check_segmentation
from dicom_io.results.written import ResultContext, WrittenResults
from pipeline.analysis import Analysis, ModelIdentity
from pipeline.errors import QualityGateError, StudyError
from pipeline.study import FIXED_ROLE


def write_results(
    match: MatchResult,
    analysis: Analysis,
    out: Path,
    *,
    now: datetime,
    timing_s: Mapping[str, float] | None = None,
    context: ResultContext | None = None,
) -> WrittenResults:
    """Write SEG, SR, summary page and ``result.json`` of an analysis.

    The UIDs derive from study, source instances, clinical values, model and settings: a repeat writes the same
    objects, unless another report came in between. The SEG is read back and compared before any file is named.

    Parameters
    ----------
    match
        The accepted match that the study was assembled from.
    analysis
        Its maps lie on the grid of the original hepatobiliary series.
    out
        Folder; made where absent. Files of an earlier result are replaced.
    now
        Local time of the site; becomes the content date and time.
    timing_s
        Seconds of stages that `analysis` does not know, such as ``assemble``.
    context
        What the result needs beside the analysis.

    Returns
    -------
    WrittenResults
        What was written.

    Raises
    ------
    StudyError
        ``RES-SEG`` or ``RES-SR``: the self-check failed; nothing was written.
    UnsuitableStudyError
        ``RES-SOURCE``: the source series cannot be read, or is not the analysed one.
    """
    started_s = time.perf_counter()
    context = context or ResultContext()
    uids = context.uids(
        analysis_uids(match, analysis, clinical=context.clinical, settings_sha256=context.settings_sha256)
    )
    product = Product.current(analysis.model)
    source = segmented_series(match.roles[FIXED_ROLE], analysis.lesion_map.grid)
    segments = segments_of(analysis, uids)
    folder = ResultFolder(out)
    try:
        if segments:
            seg = build_segmentation(analysis, source, segments, uids=uids, margin_mm=context.margin_mm, now=now)
            check_segmentation(folder.save(seg, SEG), analysis, segments, source)
        report = build_report(
            match,
            analysis,
            source,
            segments,
            uids=uids,
            now=now,
            clinical=context.clinical,
            predecessor=context.predecessor(uids.instance("SR")),
        )
        check_report(report)
        folder.save(report, SR)
        page = draw_summary(
            analysis,
            product,
            uids.study_instance_uid,
            margin_mm=context.margin_mm,
            place=source.frames[key_slice(analysis)].place,
        )
        folder.save_page(page, build_secondary_capture(page, source.header, product=product, uids=uids, now=now))
        times = {**(timing_s or {}), **analysis.timing_s, "report": time.perf_counter() - started_s}
        document = analysis_document(
            analysis, uids, outputs=_outputs(folder), timing_s=times, clinical=context.clinical
        )
        folder.finish(document)
    except BaseException:
        folder.discard()
        raise
    return _written(folder, document)


def write_refusal(
    sources: Sequence[SourceInstance],
    study_instance_uid: str,
    error: StudyError | MatchResult,
    out: Path,
    *,
    model: ModelIdentity | None,
    now: datetime,
    context: ResultContext | None = None,
) -> WrittenResults:
    """Write a refusal as a coded SR, a page and ``result.json``; as the last alone where no source can be read.

    A report without a patient would contradict the images that an archive holds of the same study.

    Parameters
    ----------
    sources
        All instances of the study; one that came twice with different bytes may be there twice.
    study_instance_uid
        Of the study.
    error
        A refused match, or the error that ended the analysis.
    out
        Folder; made where absent. Files of an earlier result are replaced.
    model
        None where the study was refused before a model was loaded.
    now, context
        As in `write_results`.
    """
    context = context or ResultContext()
    refusal, product = Refusal.of(error, context.assignments, context.match), Product.current(model)
    uids = context.uids(
        refusal_uids(
            study_instance_uid,
            {source.sop_instance_uid: source for source in sources}.values(),
            refusal.code,
            model.sha256 if model else "",
            settings_sha256=context.settings_sha256,
            assignments=context.assignments,
        )
    )
    folder = ResultFolder(out)
    try:
        headers = readable_headers(sources)
        if headers:
            predecessor = context.predecessor(uids.instance("SR"))
            report = build_refusal_report(
                headers, refusal, product=product, uids=uids, now=now, predecessor=predecessor
            )
            check_report(report, needs_image=False)
            folder.save(report, SR)
            page = draw_refusal(refusal, product, study_instance_uid)
            folder.save_page(page, build_secondary_capture(page, headers[0], product=product, uids=uids, now=now))
        document = refusal_document(
            study_instance_uid,
            code=refusal.code,
            message=refusal.sentence if headers else f"{refusal.sentence} {NO_REPORT}",
            stage=refusal.stage,
            model=model,
            outputs=_outputs(folder),
            gates=error.gates if isinstance(error, QualityGateError) else (),
        )
        folder.finish(document)
    except BaseException:
        folder.discard()
        raise
    return _written(folder, document)


def _outputs(folder: ResultFolder) -> dict[str, str | None]:
    names = {"seg": SEG, "sr": SR, "summary": PAGE}
    return {key: name if name in folder.pending else None for key, name in names.items()}


def _written(folder: ResultFolder, document: Json) -> WrittenResults:
    return WrittenResults(
        folder.named(SEG), folder.named(SR), folder.named(PAGE), folder.named(PAGE_DICOM), document
    )
