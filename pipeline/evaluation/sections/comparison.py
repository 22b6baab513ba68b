"""Whether settings differ, and how sure their areas are: DeLong and bootstrap."""

import numpy as np

from pipeline.evaluation.bootstrap import bootstrap_auc
from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.consensus import consensus
from pipeline.evaluation.delong import Comparison, compare
from pipeline.evaluation.rows import EVERY_SETTING, PROPOSED
from pipeline.evaluation.scores import Results
from pipeline.evaluation.section import Section, Table, as_json, number, p_value
from pipeline.evaluation.sections.probabilities import proposed_parts
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.evaluation.univariate import holm_adjusted

LEAST = 2
"""Patients of each outcome that a variance needs."""


def delong(results: Results, cohort: EvaluationCohort) -> Section:
    """Compare each setting with the proposed one on the same patients."""
    proposed_parts(results)
    count = len(cohort.patients)
    ours = consensus(results.test[PROPOSED.key], count)
    found: dict[str, Comparison] = {}
    titles = {setting.key: setting.title for setting in EVERY_SETTING}
    for key in titles:
        if key == PROPOSED.key or key not in results.test:
            continue
        other = consensus(results.test[key], count)
        both = np.isfinite(ours) & np.isfinite(other)
        mvi = cohort.mvi[both]
        if min(int(mvi.sum()), int((~mvi).sum())) >= LEAST:
            found[key] = compare(mvi, ours[both], other[both])
    holm = holm_adjusted(np.array([item.p for item in found.values()]))
    body = tuple(
        (
            titles[key],
            str(item.patients),
            f"{item.first:.3f}",
            f"{item.second:.3f}",
            _difference(item),
            p_value(item.p),
            p_value(float(corrected)),
        )
        for (key, item), corrected in zip(found.items(), holm, strict=True)
    )
    text = (
        "DeLong's test of the proposed setting against each other one, on the same patients. The score of a "
        "patient is the mean over the splits that tested that patient, which ranks a little better than a "
        "single fit: compare within this table, and take the performance from tables 1 and 2. Holm's "
        "correction counts all rows. Where two settings order the patients alike, or each without an error, "
        "these patients do not tell how far they differ: there is no interval and no p."
    )
    header = ("Setting", "Patients", "AUC proposed", "AUC of it", "Difference (95 %)", "p", "p Holm")
    numbers = {
        key: {**item.__dict__, "p_holm": float(corrected)}
        for (key, item), corrected in zip(found.items(), holm, strict=True)
    }
    return Section("delong", "Settings compared (DeLong)", text, as_json(numbers), Table(header, body))


def bootstrap(results: Results, cohort: EvaluationCohort, settings: EvaluationSettings) -> Section:
    """Draw the patients anew, again and again."""
    areas = {
        setting: bootstrap_auc(
            [part.require_honest() for part in results.test[setting.key]],
            len(cohort.patients),
            settings.bootstraps,
            settings.seed,
        )
        for setting in EVERY_SETTING
        if setting.key in results.test
    }
    header = ("Setting", "AUC", "Bootstrap 2.5 %", "Bootstrap 97.5 %", "Score interval low", "Score interval high")
    body = tuple(
        (
            setting.title,
            *(number(value) for value in (area.percentile.mean, area.percentile.low, area.percentile.high)),
            *(number(bound) for bound in area.score),
        )
        for setting, area in areas.items()
    )
    text = (
        "Test area under the curve, mean over the splits, by two intervals of 95 %. Bootstrap: the percentiles of "
        f"{settings.bootstraps} resamples of the patients; the fits stay as they are, and the mean of many splits "
        "varies less than one test does. Score interval: what one single test of so many patients leaves open "
        "(Hanley and McNeil); it has a width even where nobody was ranked wrongly. Read the wider one. Neither "
        "knows of other fits: the intervals of tables 1 and 2 do."
    )
    numbers = {setting.key: area.document() for setting, area in areas.items()}
    return Section(
        "bootstrap", "Intervals over patients: bootstrap and score", text, as_json(numbers), Table(header, body)
    )


def _difference(item: Comparison) -> str:
    bounds = f" ({item.low:+.3f} to {item.high:+.3f})" if np.isfinite(item.p) else ""
    return f"{item.difference:+.3f}{bounds}"
