"""The whole evaluation: the order of its experiments and nothing else."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.experiment import run_settings
from pipeline.evaluation.first_page import cohort_facts, warnings_of
from pipeline.evaluation.rows import EVERY_SETTING, PROPOSED, SETTINGS
from pipeline.evaluation.scores import Results
from pipeline.evaluation.section import Section, guarded
from pipeline.evaluation.sections.calibration_curve import calibration
from pipeline.evaluation.sections.clinical_table import table_s1
from pipeline.evaluation.sections.comparison import bootstrap, delong
from pipeline.evaluation.sections.external_test import external_test
from pipeline.evaluation.sections.outlines import figure_4, stability, table_s2
from pipeline.evaluation.sections.paper_table import paper
from pipeline.evaluation.sections.performance import baselines, headline, other_systems, table_1, table_2
from pipeline.evaluation.sections.probabilities import confusion, decision_curve
from pipeline.evaluation.sections.resampled import learning, permutation
from pipeline.evaluation.sections.roc_figures import figure_2, figure_3
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.evaluation.splits import Split, make_splits


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything that is reported.

    Parameters
    ----------
    cohort, external
        What was evaluated.
    settings, splits
        How.
    shuffled
        Whether the outcomes were dealt out anew before anything else.
    headline, warnings
        Of the first page.
    sections
        In the order of the report.
    results
        Every score.
    """

    cohort: EvaluationCohort
    external: EvaluationCohort | None
    settings: EvaluationSettings
    splits: tuple[Split, ...]
    shuffled: bool
    headline: str
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    results: Results

    @property
    def facts(self) -> Mapping[str, Any]:
        """Describe cohort and splits for ``evaluation.json``."""
        return {
            "cohort": cohort_facts(self.cohort),
            "external_cohort": None if self.external is None else cohort_facts(self.external),
            "shuffled_labels": self.shuffled,
            "splits": {
                "repeats": len(self.splits),
                "seeds": [split.seed for split in self.splits],
                "training": len(self.splits[0].training),
                "validation": len(self.splits[0].validation),
                "test": len(self.splits[0].test),
            },
            "headline": self.headline,
            "warnings": list(self.warnings),
        }


def evaluate(
    cohort: EvaluationCohort,
    settings: EvaluationSettings,
    *,
    external: EvaluationCohort | None = None,
    shuffle: bool = False,
    with_networks: bool = False,
    executor: Executor | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Run every experiment.

    Parameters
    ----------
    cohort
        What is divided and learnt from.
    settings
        How.
    external
        Tested on, and never learnt from.
    shuffle
        Deal the outcomes of the cohort out anew: everything must then come out as chance.
    with_networks
        Fit the end-to-end networks too.
    executor
        Does splits; None: here, one after another.
    report
        Called with a line before each long step.

    Raises
    ------
    EvaluationError
        The cohort cannot be split (``EV-FEW``), has a patient twice (``EV-TWICE``), or the external one does not
        fit.
    """
    if shuffle:
        cohort = cohort.with_shuffled_labels(settings.seed)
    splits = make_splits(
        cohort.mvi,
        repeats=settings.repeats,
        seed=settings.seed,
        test_share=settings.test_share,
        validation_share=settings.validation_share,
    )
    rows = EVERY_SETTING if with_networks else SETTINGS
    report(f"{len(rows)} settings in {len(splits)} splits")
    results = run_settings(
        cohort,
        splits,
        rows,
        settings,
        external=external,
        executor=executor,
        report=lambda n: report(f"split {n + 1} of {len(splits)}"),
    )
    report("permutation test, learning curve, figures")
    sections = (
        table_1(results),
        table_2(results),
        guarded("figure_2", "Figure 2. ROC curves by setting", lambda: figure_2(results)),
        guarded("figure_3", "Figure 3. ROC curves by tumour size", lambda: figure_3(results, cohort)),
        guarded("figure_4", "Figure 4. Outlines", lambda: figure_4(cohort)),
        paper(results, cohort),
        guarded("calibration", "Calibration", lambda: calibration(results)),
        guarded("decision_curve", "Decision curve", lambda: decision_curve(results)),
        guarded("confusion", "Right and wrong at the threshold", lambda: confusion(results)),
        baselines(results),
        other_systems(results),
        guarded("delong", "Settings compared (DeLong)", lambda: delong(results, cohort)),
        guarded("bootstrap", "Intervals over patients", lambda: bootstrap(results, cohort, settings)),
        guarded(
            "permutation",
            "Shuffled outcomes",
            lambda: permutation(cohort, settings, executor, is_shuffled=shuffle),
        ),
        guarded("learning_curve", "Learning curve", lambda: learning(cohort, splits, settings, executor)),
        guarded("external", "External test cohort", lambda: external_test(results, external, settings)),
        table_s1(cohort, splits, settings),
        guarded("table_s2", "Table S2. Registration and segmentation", lambda: table_s2(cohort)),
        guarded("stability", "Stability of features under another outline", lambda: stability(cohort)),
    )
    first_page = headline(results, PROPOSED, synthetic=cohort.synthetic)
    return Evaluation(
        cohort, external, settings, splits, shuffle, first_page, warnings_of(cohort, shuffle), sections, results
    )
