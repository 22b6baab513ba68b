"""Every score behind the figures, so that a reader can compute them again.

A case is named by its place in the cohort file (``patient-0007``), as everywhere in the report: who that is, only
the holder of that file can tell.
"""

from collections.abc import Mapping, Sequence

from pipeline.evaluation.scores import Results, Scored
from pipeline.evaluation.section import Table

TEST, EXTERNAL, THRESHOLDS = SCORES = ("test_probabilities", "external_probabilities", "thresholds")
"""Names of their files."""


def score_tables(results: Results) -> dict[str, Table]:
    """Return the tables by the names of their files: probabilities of both cohorts, and thresholds.

    Raises
    ------
    EvaluationError
        ``EV-SEEN``: a part was seen in fitting.
    """
    tables = {TEST: _probabilities(results.test), THRESHOLDS: _thresholds(results.test)}
    if any(results.external.values()):
        tables[EXTERNAL] = _probabilities(results.external)
    return tables


def _probabilities(settings: Mapping[str, Sequence[Scored]]) -> Table:
    """Write a line for each case and split, with a column a setting; empty where it did not test the case.

    Numbers are written in full: a digit less would tie patients whom the setting ranks.
    """
    lines: dict[tuple[int, str], tuple[bool, dict[str, str]]] = {}
    for key, parts in settings.items():
        for part in parts:
            part.require_honest()
            for case, mvi, probability in zip(part.patients, part.mvi, part.probability, strict=True):
                _, cells = lines.setdefault((part.split + 1, case), (bool(mvi), {}))
                cells[key] = repr(float(probability))
    header = ("split", "case", "mvi", *settings)
    rows = tuple(
        (str(split), case, str(int(mvi)), *(cells.get(key, "") for key in settings))
        for (split, case), (mvi, cells) in sorted(lines.items())
    )
    return Table(header, rows)


def _thresholds(settings: Mapping[str, Sequence[Scored]]) -> Table:
    """Write a line for each setting and split: called positive is what lies above the threshold."""
    rows = tuple(
        (
            key,
            str(part.split + 1),
            repr(float(part.threshold)),
            "yes" if part.calibrated else "no",
            part.chosen,
            str(len(part.seen.training)),
            str(len(part.seen.validation)),
            str(len(part.rows)),
        )
        for key, parts in settings.items()
        for part in parts
    )
    header = ("setting", "split", "threshold", "calibrated", "chosen", "training", "validation", "test")
    return Table(header, rows)
