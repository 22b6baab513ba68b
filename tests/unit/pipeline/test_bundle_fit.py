"""A bundle whose checksums hold, and whose content does not."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.analysis import ModelIdentity
from pipeline.bundle_fit import require_fit
from pipeline.bundle_manifest import BUNDLED_FOLDER, MANIFEST
from pipeline.classification.ensemble import from_tensors
from pipeline.errors import ModelBundleError
from pipeline.model_bundle import CLASSIFIER, SEGMENTATION, ModelBundle, PipelineSettings, load_bundle
from pipeline.quality import GateSettings
from tests.unit.pipeline.bundles import SMALL, blank_tensors


def bundle(settings: PipelineSettings = SMALL, tensors: Any = None) -> ModelBundle:
    return ModelBundle(ModelIdentity("t", "1.0.0", "0" * 64, "tests"), settings, tensors or blank_tensors(), {})


def test_fit_when_the_bundled_model_is_taken_then_it_fits() -> None:
    bundle = require_fit(load_bundle(BUNDLED_FOLDER / "phantom-demo"))
    # Four splits of five folds, and a limit for every gate: none moves with the next version of the code.
    assert len(from_tensors(bundle.classifier_weights).reductions) == 20
    stated = json.loads((BUNDLED_FOLDER / "phantom-demo" / MANIFEST).read_text())["settings"]["gates"]
    assert stated.keys() == GateSettings.model_fields.keys()
    assert None not in stated.values()
    assert bundle.settings.gates.contrast_agents == ("gadoxetate",)
    assert bundle.settings.gates.field_strengths_t == (1.5, 3.0)


def test_fit_when_there_is_no_classifier_with_clinical_values_then_it_fits() -> None:
    tensors = blank_tensors()
    alone = {name: array for name, array in tensors[CLASSIFIER].items() if not name.startswith("combined")}
    assert require_fit(bundle(tensors={**tensors, CLASSIFIER: alone}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"segmentation": {"channels": (2, 2)}}, r"down\.0\.first\.weight is .* and by its settings \(2, 2"),
        (
            {"classification": {"components": 2}},
            r"combined\.0\.radiomics\.weight is \(1, 1\), and by its settings \(1, 2\)",
        ),
        ({"classification": {"clinical_width": 3}}, r"combined\.0\.clinical\.bias"),
        ({"classification": {"bounded_clinical": ("nonsense",)}}, "bounded_clinical names nonsense"),
        ({"radiomics": {"log_sigma_mm": (1.0, 2.0, 3.0, 4.5)}}, "other features"),
    ],
)
def test_fit_when_the_settings_are_of_another_model_then_the_tensor_is_named(change: Any, said: str) -> None:
    parts = {name: getattr(SMALL, name).model_copy(update=update) for name, update in change.items()}
    with pytest.raises(ModelBundleError, match=said):
        require_fit(bundle(SMALL.model_copy(update=parts)))


@pytest.mark.parametrize(
    ("file", "edit", "said"),
    [
        (SEGMENTATION, lambda tensors: tensors.pop("head.weight"), "tensor head.weight is missing"),
        (CLASSIFIER, lambda tensors: tensors.pop("radiomics.reading"), "radiomics.reading is missing"),
        (CLASSIFIER, lambda tensors: tensors.update(extra=np.zeros(1)), "extra has no place"),
        (
            CLASSIFIER,
            lambda tensors: tensors.update({"combined.reading": np.array([-1, 0, 0.5, 1])}),
            "turns the risk round",
        ),
        (
            CLASSIFIER,
            lambda tensors: tensors.update({"radiomics.reading": np.array([1, 0, 5, 1])}),
            "a threshold beyond 0 and 1",
        ),
        (
            CLASSIFIER,
            lambda tensors: tensors.update({"reduction.0.variance": np.array([-1.0], np.float32)}),
            r"MB-FIT: t 1\.0\.0: classifier.* reduction\.0\.variance is no variance",
        ),
        (
            CLASSIFIER,
            lambda tensors: tensors.update({"reduction.0.variance": np.zeros(1, np.float32)}),
            r"reduction\.0\.variance is no variance",
        ),
        (
            CLASSIFIER,
            lambda tensors: tensors["reduction.0.scale"].put(3, 0),
            r"reduction\.0\.scale is not positive",
        ),
        (CLASSIFIER, lambda tensors: tensors["feature.minimum"].put(3, 9), "lies above its feature.maximum"),
    ],
)
def test_fit_when_a_tensor_is_missing_or_one_too_many_or_nonsense_then_it_is_named(
    file: str, edit: Callable[[dict[str, Any]], object], said: str
) -> None:
    tensors = blank_tensors()
    edit(tensors[file])
    with pytest.raises(ModelBundleError, match=said):
        require_fit(replace(bundle(), tensors=tensors))
