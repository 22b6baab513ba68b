"""A model card made from what a bundle says of itself: what it is for, how it was made, how well it did."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.model_bundle import ModelBundle

ANCHORS: Final = (
    "Two radiologists agree at a Dice of 0.85 +- 0.16 on hepatocellular carcinoma in MRI, and at 0.95 on the "
    "liver (LiverHccSeg, PMC10587725).",
    "nnU-Net on gadoxetate MRI of patients: median Dice of 0.61 to 0.74 a lesion "
    "(doi:10.1186/s40644-025-00844-6).",
    "The paper that this follows: tumour Dice 0.762 on patients (doi:10.7150/jca.93712).",
    "The best external areas under the curve for microvascular invasion are 0.79 to 0.80 (Jiang 2022, PMC9314889; "
    "Luo 2025, doi:10.1186/s12885-025-14971-7); more than 0.90 inside one centre should be distrusted.",
    "Selection or reduction of features before the split inflates the area by up to 0.15 "
    "(doi:10.1186/s13244-021-01115-1).",
)
"""What others reached on patients: to be read before any figure of a model."""


def model_card(bundle: ModelBundle) -> str:
    """Write the card in Markdown.

    Parameters
    ----------
    bundle
        Loaded, and so intact.
    """
    identity, training = bundle.identity, bundle.training
    cohort = training.get("cohort") or {}
    lines = [
        f"# {identity.name} {identity.version}",
        "",
        "For research use only. Not a medical device.",
        "",
        f"- Intended use: {identity.intended_use}",
        f"- SHA-256 of settings, weights and this record: `{identity.sha256}`",
        f"- Code: mvi-node {training.get('software', 'not stated')}",
        f"- Made from: {_code(training.get('code') or {})}",
        f"- Trained on: {_cohort(cohort)}",
        f"- Features: {_features(bundle)}",
        f"- Seeds: {_seeds(bundle)}",
        f"- Classifier: {_mapping(training.get('classifier') or {})}",
        f"- Segmentation: {_mapping(training.get('segmentation') or {})}",
        "",
        "## Measured on cases that the member in question had not seen",
        "",
        *_measured(training.get("left_out") or {}),
        "",
        f"Threshold of the risk: {_thresholds(bundle)}.",
        "",
        f"Dice of the segmentation on cases it had not seen: {_dice(training.get('held_out_dice') or {})}.",
        "",
        "## Limits",
        "",
        "A study is refused where a gate fails:",
        "",
        *(f"- `{name}`: {limit}" for name, limit in bundle.settings.gates.model_dump(mode="json").items()),
        "",
        "## What others reached on patients",
        "",
        *(f"- {anchor}" for anchor in ANCHORS),
    ]
    if cohort.get("kind") == "phantom":
        lines[4:4] = ["Every figure below was measured on synthetic phantoms and says nothing about patients.", ""]
    return "\n".join(lines) + "\n"


def _features(bundle: ModelBundle) -> str:
    components = bundle.settings.classification.components
    count = bundle.classifier_weights["feature.minimum"].size
    return f"{count}, standardised and reduced to {components} principal components, for each member by itself"


def _thresholds(bundle: ModelBundle) -> str:
    heads = {"radiomics": "radiomics", "combined": "radiomics+clinical"}
    readings = {name: bundle.classifier_weights.get(f"{head}.reading") for head, name in heads.items()}
    return _mapping({name: _reading(found) for name, found in readings.items() if found is not None})


def _reading(reading: npt.NDArray[np.floating]) -> str:
    """Say the threshold, and what the numbers are that it divides."""
    threshold, calibrated = float(reading[2]), bool(reading[3])
    kind = "of calibrated probabilities" if calibrated else "of scores: too few cases to calibrate them by"
    return f"{threshold:.3f} {kind}" if 0 < threshold < 1 else f"none was found, every risk is uncertain, {kind}"


def _seeds(bundle: ModelBundle) -> str:
    parts = {name: (bundle.training.get(name) or {}).get("seed") for name in ("classifier", "segmentation")}
    stated = {name: "not stated" if seed is None else seed for name, seed in parts.items()}
    return _mapping({**stated, "registration": bundle.settings.seed})


def _cohort(cohort: Mapping[str, Any]) -> str:
    kinds = {"phantom": "synthetic phantoms", "dicom": "patients", "patients": "patients"}
    kind = kinds.get(str(cohort.get("kind")), "not stated")
    return f"{cohort.get('name', 'not stated')}, {kind}"


def _code(code: Mapping[str, Any]) -> str:
    if "sources_sha256" not in code:
        return "not recorded"
    return f"commit {code.get('commit', 'not recorded')}, sources SHA-256 `{code['sources_sha256']}`"


def _dice(found: Mapping[str, Any]) -> str:
    return "; ".join(f"{what} {_mapping(measured)}" for what, measured in found.items()) or "not recorded"


def _mapping(values: Mapping[str, Any]) -> str:
    flat = {key: _mapping(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in flat.items()) or "not stated"


def _measured(left_out: Mapping[str, Any]) -> list[str]:
    rows = {name: measured for name, measured in left_out.items() if isinstance(measured, Mapping)}
    if not rows:
        return ["Nothing was measured."]
    columns = list(dict.fromkeys(key for measured in rows.values() for key in measured))
    return [
        f"| classifier | {' | '.join(column.replace('_', ' ') for column in columns)} |",
        "|---" * (len(columns) + 1) + "|",
        *(
            f"| {name} | {' | '.join(_number(measured.get(key)) for key in columns)} |"
            for name, measured in rows.items()
        ),
    ]


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
