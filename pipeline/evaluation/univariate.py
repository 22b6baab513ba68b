"""Table S1: each clinical column against the outcome, and which are selected."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.evaluation.parts import BoolArray, ClinicalColumn
from pipeline.geometry import FloatArray

LEAST_EXPECTED = 5.0
"""Expected count below which the chi-squared approximation is doubted."""


@dataclass(frozen=True)
class Univariate:
    """One row of table S1.

    Parameters
    ----------
    column
        What was compared.
    with_mvi, without_mvi
        Mean and standard deviation of each group; of a binary column its share and NaN.
    patients
        With a value.
    test
        ``Welch's t`` or ``chi-squared``.
    statistic, p
        Of the test; NaN where a group has too few patients or no spread.
    effect, effect_name
        Hedges' g [1]_, or the phi coefficient; positive where patients with invasion have more.
    doubtful
        An expected count is below five: read the p-value with care.
    p_holm, p_bh
        Corrected for the number of columns after Holm [2]_ and after Benjamini and Hochberg [3]_.

    References
    ----------
    .. [1] Hedges, J Educ Stat 6(2), 1981. doi:10.3102/10769986006002107
    .. [2] Holm, Scand J Stat 6(2), 1979.
    .. [3] Benjamini and Hochberg, J R Stat Soc B 57(1), 1995. doi:10.1111/j.2517-6161.1995.tb02031.x
    """

    column: ClinicalColumn
    with_mvi: tuple[float, float]
    without_mvi: tuple[float, float]
    patients: int
    test: str
    statistic: float
    p: float
    effect: float
    effect_name: str
    doubtful: bool = False
    p_holm: float = float("nan")
    p_bh: float = float("nan")


def analyse_columns(
    columns: tuple[ClinicalColumn, ...], clinical: FloatArray, mvi: BoolArray
) -> tuple[Univariate, ...]:
    """Compare both groups in each column; (patients, columns) with NaN where absent."""
    rows = [_analyse(column, clinical[:, n], mvi) for n, column in enumerate(columns)]
    p = np.array([row.p for row in rows])
    holm, bh = holm_adjusted(p), bh_adjusted(p)
    return tuple(
        Univariate(**{**row.__dict__, "p_holm": float(holm[n]), "p_bh": float(bh[n])})
        for n, row in enumerate(rows)
    )


def holm_adjusted(p: FloatArray) -> FloatArray:
    """Return p-values corrected after Holm; NaN stays, and counts as no test."""
    result = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = len(order) - np.arange(len(order))
    result[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return result


def bh_adjusted(p: FloatArray) -> FloatArray:
    """Return p-values corrected after Benjamini and Hochberg; NaN stays, and counts as no test."""
    result = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    raised = p[order] * len(order) / (np.arange(len(order)) + 1)
    result[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return result


def _analyse(column: ClinicalColumn, values: FloatArray, mvi: BoolArray) -> Univariate:
    known = np.isfinite(values)
    first, second = values[known & mvi], values[known & ~mvi]
    if column.is_binary:
        return _chi_squared(column, first, second)
    statistic = p = effect = float("nan")
    if min(len(first), len(second)) > 1 and (np.ptp(first) > 0 or np.ptp(second) > 0):
        found = stats.ttest_ind(first, second, equal_var=False)
        statistic, p = float(found.statistic), float(found.pvalue)
        effect = hedges_g(first, second)
    return Univariate(
        column, _moments(first), _moments(second), int(known.sum()), "Welch's t", statistic, p, effect, "Hedges' g"
    )


def hedges_g(first: FloatArray, second: FloatArray) -> float:
    """Return the standardised difference of means, corrected for small samples."""
    freedom = len(first) + len(second) - 2
    pooled = ((len(first) - 1) * first.var(ddof=1) + (len(second) - 1) * second.var(ddof=1)) / freedom
    return float((first.mean() - second.mean()) / np.sqrt(pooled) * (1 - 3 / (4 * freedom - 1)))


def _chi_squared(column: ClinicalColumn, first: FloatArray, second: FloatArray) -> Univariate:
    table = np.array([[group.sum(), len(group) - group.sum()] for group in (first, second)])
    statistic = p = effect = float("nan")
    doubtful = False
    if (table.sum(axis=0) > 0).all() and (table.sum(axis=1) > 0).all():
        statistic, p, _, expected = stats.chi2_contingency(table, correction=False)
        doubtful = bool(np.min(expected) < LEAST_EXPECTED)
        ahead = table[0, 0] * table[1, 1] - table[0, 1] * table[1, 0]
        effect = float(ahead / np.sqrt(np.prod(table.sum(axis=0)) * np.prod(table.sum(axis=1))))
    shares = [(float(group.mean()) if len(group) else float("nan"), float("nan")) for group in (first, second)]
    count = len(first) + len(second)
    return Univariate(
        column, shares[0], shares[1], count, "chi-squared", float(statistic), float(p), effect, "phi", doubtful
    )


def _moments(values: FloatArray) -> tuple[float, float]:
    mean = float(values.mean()) if len(values) else float("nan")
    return mean, float(values.std(ddof=1)) if len(values) > 1 else float("nan")
