"""The document of ``analyse --json`` and ``result.json``: keys fixed by the command-line contract."""

import math
from collections.abc import Mapping, Sequence

from dicom_io.results.clinical_items import SIZE_ORIGIN, TUMOUR_SIZE
from dicom_io.results.product import RESEARCH_NOTICE
from dicom_io.results.segments import tracking_id
from dicom_io.results.uids import ResultUids
from pipeline.analysis import (
    ANALYTE_UNITS,
    Analysis,
    FeatureEvidence,
    GateOutcome,
    Lesion,
    ModelIdentity,
    RegistrationOutcome,
    Risk,
)
from pipeline.study import Analyte, ClinicalValue

Json = dict[str, object]


def analysis_document(
    analysis: Analysis,
    uids: ResultUids,
    *,
    outputs: Mapping[str, str | None],
    timing_s: Mapping[str, float],
    clinical: Mapping[Analyte, ClinicalValue],
) -> Json:
    """Describe an analysis.

    Parameters
    ----------
    analysis
        What is described.
    uids
        Tracking UIDs, the same as in SEG and SR.
    outputs
        File name by output, relative to the folder of the document; None where there is none.
    timing_s
        Seconds by stage.
    clinical
        Provenance of the clinical values, where known.

    Returns
    -------
    dict
        JSON-serialisable, without NaN.
    """
    return {
        "status": "analysed",
        "study_instance_uid": uids.study_instance_uid,
        "risk": None if analysis.risk is None else _risk(analysis.risk),
        "clinical": {name: _clinical(name, value, clinical) for name, value in analysis.clinical_used.items()},
        "lesions": [_lesion(lesion, uids) for lesion in analysis.lesions],
        "registration": {role.value: _registration(entry) for role, entry in analysis.registrations.items()},
        "features": None if analysis.features is None else _features(analysis.features),
        "quality": _quality(analysis.gates),
        "warnings": list(analysis.warnings),
        "model": model_document(analysis.model),
        "timing_s": {stage: _number(seconds, 2) for stage, seconds in timing_s.items()},
        "outputs": dict(outputs),
        "notice": RESEARCH_NOTICE,
    }


def refusal_document(
    study_instance_uid: str,
    *,
    code: str,
    message: str,
    stage: str,
    model: ModelIdentity | None,
    outputs: Mapping[str, str | None],
    gates: Sequence[GateOutcome] = (),
) -> Json:
    """Describe a study that is readable but must not be analysed, and the gates that were judged until then."""
    return {
        "status": "refused",
        "study_instance_uid": study_instance_uid,
        "code": code,
        "message": message,
        "stage": stage,
        "quality": _quality(gates),
        "model": None if model is None else model_document(model),
        "outputs": dict(outputs),
        "notice": RESEARCH_NOTICE,
    }


def model_document(model: ModelIdentity) -> Json:
    """Describe the model bundle."""
    return {
        "name": model.name,
        "version": model.version,
        "sha256": model.sha256,
        "intended_use": model.intended_use,
    }


def _quality(gates: Sequence[GateOutcome]) -> list[Json]:
    return [
        {
            "gate": gate.gate,
            "passed": bool(gate.passed),
            "value": _number(gate.value, 4),
            "limit": _number(gate.limit, 4),
        }
        for gate in gates
    ]


def _risk(risk: Risk) -> Json:
    return {
        "probability": _number(risk.probability, 4),
        "interval_95": [_number(bound, 4) for bound in risk.interval_95],
        "category": risk.category.value,
        "threshold": _number(risk.threshold, 4),
        "calibrated": bool(risk.calibrated),
        "classifier": risk.classifier.value,
        "missing_clinical": list(risk.missing_clinical),
        "left_out_auc": None if risk.left_out_auc is None else _number(risk.left_out_auc, 3),
    }


def _clinical(name: str, value: float, known: Mapping[Analyte, ClinicalValue]) -> Json:
    if name == TUMOUR_SIZE:
        return {"value": _number(value, 1), "origin": SIZE_ORIGIN}
    source = known.get(Analyte(name))
    return {
        "value": _number(value, 3),
        "unit": ANALYTE_UNITS[Analyte(name)],
        **({} if source is None else _provenance(source)),
    }


def _provenance(source: ClinicalValue) -> Json:
    return {
        "comparator": source.comparator,
        "original_value": source.original_value,
        "original_unit": source.original_unit,
        "collected_at": source.collected_at or (source.collected_on.isoformat() if source.collected_on else None),
        "origin": source.origin,
        "message_id": source.message_id,
    }


def _lesion(lesion: Lesion, uids: ResultUids) -> Json:
    return {
        "tracking_id": tracking_id(lesion.number),
        "tracking_uid": uids.lesion(lesion.number),
        "longest_diameter_mm": _number(lesion.longest_diameter_mm, 1),
        "volume_cm3": _number(lesion.volume_cm3, 3),
        "centroid_lps_mm": [_number(value, 2) for value in lesion.centroid_lps_mm],
    }


def _registration(entry: RegistrationOutcome) -> Json:
    return {
        "translation_mm": [_number(value, 3) for value in entry.translation_mm],
        "rotation_deg": [_number(value, 3) for value in entry.rotation_deg],
        "metric": _number(entry.metric, 4),
    }


def _features(features: FeatureEvidence) -> Json:
    return {"count": int(features.count), "sha256": features.sha256}


def _number(value: float, digits: int) -> float | None:
    """Round for a reader; JSON has no NaN and no infinity."""
    return round(float(value), digits) if math.isfinite(value) else None
