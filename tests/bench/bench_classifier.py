"""What the classifier learnt from a phantom cohort, against what there was to learn, and against nothing.

``python -m tests.bench.bench_classifier --cohort FILE --work DIR [--markdown FILE] [--json FILE]`` reads the
features that ``mvi-node cohort extract FILE --work DIR`` made and fits the classifier again and again, by the code
that fits the bundle:

- with other splits, so that the spread of the area under the curve shows; each case is judged by a member whose
  scaler, components and networks have not seen it;
- with the outcome shuffled among the cases, where the area must be one half: more would be leakage;
- beside the log-likelihood ratio of the planted latents. No reader of the images can know more than that.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from pipeline.analysis import Classifier
from pipeline.bundle_manifest import BUNDLED_FOLDER
from pipeline.classification import ClassificationSettings
from pipeline.model_bundle import load_bundle
from pipeline.phantom.case import latents_of_seed
from pipeline.phantom.latent import CLINICAL_EFFECT, IMAGING_EFFECT
from pipeline.training.classifier import fit_classifier
from pipeline.training.extraction import FEATURES
from pipeline.training.feature_table import FeatureTable, read_table
from pipeline.training.manifest import CohortManifest, load_manifest
from pipeline.training.settings import ClassifierTrainingSettings
from pipeline.training.sources import PhantomSource, sources_of
from tests.bench.figure import Figure

SPLITS = 20
SHUFFLES = 20
NOISES = 5
NOISE_FEATURES = 500
RESAMPLES = 2000
COMMAND = "python -m tests.bench.bench_classifier"


@dataclass(frozen=True)
class Spread:
    """Areas under the curve of repeated fits: mean, standard deviation, smallest and largest."""

    mean: float
    deviation: float
    smallest: float
    largest: float
    fits: int


@dataclass(frozen=True)
class Report:
    """Everything that is printed."""

    cases: int
    with_invasion: int
    splits: dict[str, Spread]
    shuffled: dict[str, Spread]
    planted: dict[str, tuple[float, float, float]]
    """Area of the planted log-likelihood ratio on these cases, with its 95 % interval by resampling cases."""
    attainable: dict[str, float]
    """The same in an endless cohort."""
    bundle: dict[str, Any]
    """What the fit with the seed of the cohort file measured; this is what the bundle states."""


def measure(manifest: CohortManifest, table: FeatureTable, splits: int, shuffles: int) -> Report:
    """Fit again and again."""
    settings, training = manifest.pipeline.classification, manifest.classifier

    def areas(outcome: npt.NDArray[np.bool_], seed: int) -> dict[str, float]:
        fit = fit_classifier(
            replace(table, mvi=outcome), settings, training.model_copy(update={"seed": training.seed + seed})
        )
        combined = {} if fit.combined is None else {"radiomics+clinical": fit.combined.auc}
        return {"radiomics": fit.radiomics.auc, **combined}

    first = fit_classifier(table, settings, training)
    true = [areas(table.mvi, seed) for seed in range(splits)]
    random = np.random.default_rng(0)
    false = [areas(random.permutation(table.mvi), seed) for seed in range(shuffles)]
    imaging, clinical = _log_odds(manifest, table)
    both = np.sqrt(_squares(IMAGING_EFFECT) + _squares(CLINICAL_EFFECT))
    return Report(
        len(table.mvi),
        int(table.mvi.sum()),
        {name: _spread([item[name] for item in true]) for name in true[0]},
        {name: _spread([item[name] for item in false]) for name in false[0]},
        {
            "images": _interval(imaging, table.mvi),
            "images and laboratory": _interval(imaging + clinical, table.mvi),
        },
        {
            "images": float(norm.cdf(np.sqrt(_squares(IMAGING_EFFECT) / 2))),
            "images and laboratory": float(norm.cdf(both / np.sqrt(2))),
        },
        {
            "radiomics": asdict(first.radiomics),
            "radiomics+clinical": None if first.combined is None else asdict(first.combined),
        },
    )


def _squares(effects: Any) -> float:
    return float(sum(effect**2 for effect in effects.values()))


def _log_odds(
    manifest: CohortManifest, table: FeatureTable
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    seeds = [int(case.removeprefix("phantom-")) for case in table.cases]
    latents = [latents_of_seed(seed, manifest.cohort.mvi_prevalence) for seed in seeds]
    if [item.mvi for item in latents] != table.mvi.tolist():
        raise ValueError("the outcomes of the features are not those of the seeds; extract them again")
    return (
        np.array([item.imaging_log_odds for item in latents]),
        np.array([item.clinical_log_odds for item in latents]),
    )


def _spread(areas: list[float]) -> Spread:
    return Spread(float(np.mean(areas)), float(np.std(areas, ddof=1)), min(areas), max(areas), len(areas))


def _interval(score: npt.NDArray[np.float64], mvi: npt.NDArray[np.bool_]) -> tuple[float, float, float]:
    random = np.random.default_rng(0)
    drawn: list[float] = []
    while len(drawn) < RESAMPLES:
        rows = random.integers(0, len(mvi), len(mvi))
        if 0 < mvi[rows].sum() < len(mvi):
            drawn.append(float(roc_auc_score(mvi[rows], score[rows])))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(roc_auc_score(mvi, score)), float(low), float(high)


def figures() -> list[Figure]:
    """Return the figures for `make bench`.

    The areas of the bundle are those that its making measured on left-out cases, beside what was planted in these
    very cases: their features take an hour to extract again. The shuffled outcome is fitted here, on features that
    are noise.
    """
    bundle = load_bundle(BUNDLED_FOLDER / "phantom-demo")
    cohort = bundle.training["cohort"]
    seeds = range(cohort["first_seed"], cohort["first_seed"] + cohort["count"])
    latents = [latents_of_seed(seed, cohort["mvi_prevalence"]) for seed in seeds]
    mvi = np.array([item.mvi for item in latents])
    imaging, clinical = (
        np.array([getattr(item, name) for item in latents]) for name in ("imaging_log_odds", "clinical_log_odds")
    )
    planted = {Classifier.RADIOMICS: imaging, Classifier.RADIOMICS_AND_CLINICAL: imaging + clinical}
    found = [
        Figure(
            f"AUC of {classifier.value} in the bundle, left out, against the planted",
            bundle.left_out_auc(classifier) or 0.0,
            float(roc_auc_score(mvi, known)),
            "near the planted",
            "AUC",
            COMMAND,
        )
        for classifier, known in planted.items()
    ]
    shuffled = _shuffled_areas(mvi, bundle.settings.classification)
    return [*found, Figure(f"AUC of {NOISES} fits to noise", float(np.mean(shuffled)), 0.5, "0.5", "AUC", COMMAND)]


def _shuffled_areas(mvi: npt.NDArray[np.bool_], settings: ClassificationSettings) -> list[float]:
    random = np.random.default_rng(0)
    names, clinical = tuple(f"T2_tumour_f{n}" for n in range(NOISE_FEATURES)), np.full((len(mvi), 7), np.nan)
    cases, fields_t = tuple(f"case{n}" for n in range(len(mvi))), np.full(len(mvi), 3.0)
    areas = []
    for seed in range(NOISES):
        values = random.standard_normal((len(mvi), NOISE_FEATURES))
        table = FeatureTable(cases, names, values, clinical, random.permutation(mvi), fields_t)
        areas.append(fit_classifier(table, settings, ClassifierTrainingSettings(seed=seed)).radiomics.auc)
    return areas


def markdown(report: Report, command: str) -> str:
    """Write the report as a page."""
    lines = [
        "# What the classifier of phantom-demo learnt",
        "",
        f"Made by `{command}` from {report.cases} phantoms, {report.with_invasion} with invasion, that the",
        "segmentation never saw; their features came through the stages that serve patients. Phantoms show that",
        "the code learns what is there. They say nothing about patients.",
        "",
        "| area under the curve on left-out cases | mean | standard deviation | smallest to largest | fits |",
        "|---|---|---|---|---|",
    ]
    for title, spreads in (("true outcome", report.splits), ("shuffled outcome, must be 0.50", report.shuffled)):
        lines += [
            f"| {name}, {title} | {item.mean:.3f} | {item.deviation:.3f} "
            f"| {item.smallest:.3f} to {item.largest:.3f} | {item.fits} |"
            for name, item in spreads.items()
        ]
    lines += [
        "",
        "| area that the planted signal allows | these cases (95 %) | endless cohort |",
        "|---|---|---|",
        *(
            f"| {name} | {area:.3f} ({low:.3f} to {high:.3f}) | {report.attainable[name]:.3f} |"
            for name, (area, low, high) in report.planted.items()
        ),
        "",
        "| the fit in the bundle | AUC | sensitivity | specificity | Brier | calibration error |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {m['auc']:.3f} | {m['sensitivity']:.2f} | {m['specificity']:.2f} | {m['brier']:.3f} "
            f"| {m['calibration_error']:.3f} |"
            for name, m in report.bundle.items()
            if m is not None
        ),
        "",
        "The calibration error is the expected one over five bins of equal size; it and the Brier score take",
        "the sigmoid of each fold from the other folds. The threshold was chosen on the same left-out cases:",
        "sensitivity and specificity flatter.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Fit, and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--shuffles", type=int, default=SHUFFLES)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    manifest = load_manifest(options.cohort)
    rows = [
        path
        for source in sources_of(manifest, _no_reader).classifier
        if isinstance(source, PhantomSource) and (path := options.work / FEATURES / f"{source.name}.npz").is_file()
    ]
    report = measure(manifest, read_table(rows), options.splits, options.shuffles)
    command = f"{COMMAND} --cohort {options.cohort.name} --work DIR"
    page = markdown(report, command)
    sys.stdout.write(page)
    if options.markdown:
        options.markdown.write_text(page, encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    return 0


def _no_reader(case: object) -> Any:
    raise ValueError(f"{case}: only phantoms have a truth to compare with")


if __name__ == "__main__":
    sys.exit(main())
