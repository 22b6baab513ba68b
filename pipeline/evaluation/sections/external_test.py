"""Patients of another place, scored by the fit of every split."""

from pipeline.evaluation.bootstrap import bootstrap_auc
from pipeline.evaluation.calibration import calibrated_words
from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.intervals import FURTHER_FIT
from pipeline.evaluation.plots import roc_panels
from pipeline.evaluation.roc import roc_band
from pipeline.evaluation.rows import EVERY_SETTING, PROPOSED
from pipeline.evaluation.scores import Results
from pipeline.evaluation.section import Section, Table, as_json
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.evaluation.tables import average

FIGURES = ("acc", "auc", "sen", "spe")


def external_test(results: Results, external: EvaluationCohort | None, settings: EvaluationSettings) -> Section:
    """Average what the fits of all splits say of the external patients."""
    if external is None:
        raise EvaluationError("EV-NONE", "no external cohort was given; name one with --external")
    usable = {
        setting: parts
        for setting in EVERY_SETTING
        if (parts := results.external.get(setting.key)) and 0 < parts[0].mvi.sum() < len(parts[0].mvi)
    }
    if not usable and external.taught_segmentation.all():
        raise EvaluationError("EV-SEEN", "the segmentation learnt from the external patients, or may have")
    if not usable:
        raise EvaluationError(
            "EV-FEW", "the external cohort has one outcome only, or lacks what every setting needs"
        )
    rows, numbers = [], {}
    for setting, parts in usable.items():
        found = average(parts, FURTHER_FIT)
        area = bootstrap_auc(parts, len(external.patients), settings.bootstraps, settings.seed)
        rows.append(
            (
                setting.title,
                str(len(parts[0].rows)),
                str(area.percentile),
                f"{area.score[0]:.3f} to {area.score[1]:.3f}",
                *(f"{found[f].mean:.3f}" for f in FIGURES if f != "auc"),
            )
        )
        numbers[setting.key] = {"patients": len(parts[0].rows), "auc": area.document(), "figures": found}
    figure = (
        roc_panels([("proposed setting", roc_band(usable[PROPOSED], FURTHER_FIT))]) if PROPOSED in usable else None
    )
    text = (
        f"{len(external.patients)} patients of {external.name}, {int(external.mvi.sum())} with invasion; they "
        "had no part in any fit. Threshold and calibration are those of the internal cohort. The first "
        "interval of the area has the percentiles of bootstrap samples of the external patients; the score "
        "interval is what one test of so many leaves open (Hanley and McNeil): read the wider one. The band of "
        "the curve is that of a fit to a further internal split."
        + (f" {calibrated_words(usable[PROPOSED])}" if PROPOSED in usable else "")
    )
    header = ("Setting", "Patients", "AUC (bootstrap 95 %)", "Score interval", "ACC", "SEN", "SPE")
    return Section("external", "External test cohort", text, as_json(numbers), Table(header, tuple(rows)), figure)
