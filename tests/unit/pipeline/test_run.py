"""The order of the stages, on a phantom, with the truth in place of a trained segmentation."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.analysis import Analysis, Classifier, ModelIdentity, RegistrationOutcome
from pipeline.classification.ensemble import FittedClassifier, Head, digest_of_names, to_tensors
from pipeline.classification.network import FusionNetwork, Layer
from pipeline.classification.reduction import Reduction
from pipeline.errors import QualityGateError
from pipeline.model_bundle import CLASSIFIER, SEGMENTATION, ModelBundle, PipelineSettings
from pipeline.phantom import PhantomCase, PhantomSettings, make_case
from pipeline.radiomics import FEATURE_COUNT, RadiomicsSettings, feature_names
from pipeline.resampling import resample_labels
from pipeline.run import analyse
from pipeline.study import MOVING_ROLES, Role, Study
from pipeline.volume import LabelMap, Volume

# Coarse, to be quick: the stages are tested on their own.
SETTINGS = PipelineSettings(working_spacing_xyz_mm=(4.0, 4.0, 5.0))
CASE_SETTINGS = PhantomSettings(tumour_count=1, tumour_diameter_mm=(40.0, 60.0), with_distractors=False)


def random_classifier() -> dict[str, npt.NDArray[Any]]:
    rng = np.random.default_rng(0)
    names = feature_names(RadiomicsSettings())
    reduction = Reduction(
        np.zeros(len(names)), np.full(len(names), 1e3), rng.normal(size=(3, len(names))), np.ones(3)
    )
    first, second = Layer(rng.normal(size=(4, 3)), np.zeros(4)), Layer(rng.normal(size=(4, 7)), np.zeros(4))
    combined = FusionNetwork(
        first, second, Layer(np.ones((2, 8)), np.zeros(2)), Layer(np.ones((1, 2)), np.zeros(1))
    )
    alone = FusionNetwork(first, None, Layer(np.ones((2, 4)), np.zeros(2)), Layer(np.ones((1, 2)), np.zeros(1)))
    fitted = FittedClassifier(
        names_sha256=digest_of_names(names),
        reductions=(reduction,),
        combined=Head((combined,), 1e-9, 0.0, 0.5, False),
        radiomics=Head((alone,), 1e-9, 0.0, 0.5, False),
        feature_minimum=np.full(len(names), -1e30),
        feature_maximum=np.full(len(names), 1e30),
    )
    return to_tensors(fitted)


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    tensors = {SEGMENTATION: {}, CLASSIFIER: random_classifier()}
    return ModelBundle(ModelIdentity("test", "1.0.0", "0" * 64, "tests"), SETTINGS, tensors, {})


@pytest.fixture(scope="module")
def case() -> PhantomCase:
    return make_case(901, settings=CASE_SETTINGS)


def run(
    case: PhantomCase,
    bundle: ModelBundle,
    *,
    labels: LabelMap | None = None,
    study: Study | None = None,
    told: list[str] | None = None,
    truly_registered: bool = False,
) -> Analysis:
    """Analyse with the true labels and, where elastix is not wanted, the true transforms."""
    wanted = case.truth.label_map if labels is None else labels
    volumes = list(case.study.volumes.items())

    def true_labels(channels: Mapping[Role, Volume], **_: object) -> LabelMap:
        return resample_labels(wanted, channels[Role.T1_HEPATOBILIARY].grid)

    def true_transform(_: Volume, moving: Volume, **__: object) -> RegistrationOutcome:
        (role,) = (role for role, volume in volumes if volume is moving)
        return RegistrationOutcome(case.truth.transforms_lps_mm[role], (0, 0, 0), (0, 0, 0), -1.0, -0.5)

    ticks = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.run.segment", true_labels)
        if not truly_registered:
            patch.setattr("pipeline.aligned.register", true_transform)
        return analyse(
            study or case.study,
            bundle,
            clock=lambda: float(next(ticks)),
            progress=None if told is None else told.append,
        )


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def analysis(case: PhantomCase, bundle: ModelBundle, told: list[str]) -> Analysis:
    return run(case, bundle, told=told, truly_registered=True)


def test_analysis_names_the_stages_in_order_and_their_seconds(analysis: Analysis, told: list[str]) -> None:
    assert told == ["register", "segment", "radiomics", "classify"]
    assert dict(analysis.timing_s) == dict.fromkeys(told, 1.0)


def test_analysis_lies_on_the_grid_of_the_original_series(analysis: Analysis, case: PhantomCase) -> None:
    grid = case.study.volumes[Role.T1_HEPATOBILIARY].grid
    for labels in (analysis.liver_map, analysis.lesion_map, analysis.margin_map):
        assert labels.grid.is_close(grid)
    truth = case.truth.label_map.array == 2
    found = analysis.lesion_map.array == 1
    assert 2 * (truth & found).sum() / (truth.sum() + found.sum()) > 0.9


def test_analysis_measures_the_tumour_of_the_phantom(analysis: Analysis, case: PhantomCase) -> None:
    (lesion,), (truth, *_) = analysis.lesions, case.truth.tumours
    assert lesion.longest_diameter_mm == pytest.approx(truth.longest_diameter_mm, abs=6)
    assert lesion.volume_cm3 == pytest.approx(truth.volume_cm3, rel=0.1)
    np.testing.assert_allclose(lesion.centroid_lps_mm, truth.centroid_lps_mm, atol=2)


def test_analysis_registers_five_sequences_to_the_true_transforms(analysis: Analysis, case: PhantomCase) -> None:
    assert set(analysis.registrations) == set(MOVING_ROLES)
    centroid = np.append(case.truth.tumours[0].centroid_lps_mm, 1)
    for role, outcome in analysis.registrations.items():
        error = (outcome.transform_lps_mm - case.truth.transforms_lps_mm[role]) @ centroid
        assert np.linalg.norm(error) < 2.5, role


def test_analysis_holds_risk_features_clinical_values_and_passed_gates(analysis: Analysis) -> None:
    assert analysis.risk is not None
    assert analysis.features is not None
    assert analysis.risk.classifier is Classifier.RADIOMICS_AND_CLINICAL
    assert analysis.features.count == FEATURE_COUNT
    assert analysis.clinical_used["tumour_size_mm"] == analysis.lesions[0].longest_diameter_mm
    assert len(analysis.clinical_used) == 7
    assert all(gate.passed for gate in analysis.gates)
    assert {"liver_cut", "tumour_coverage", "feature_range"} <= {gate.gate for gate in analysis.gates}


def test_analysis_without_clinical_values_uses_the_images_alone(case: PhantomCase, bundle: ModelBundle) -> None:
    study = Study(case.study.volumes)
    analysis = run(case, bundle, study=study)
    assert analysis.risk is not None
    assert analysis.risk.classifier is Classifier.RADIOMICS
    assert len(analysis.risk.missing_clinical) == 6
    assert analysis.clinical_used == {}


def test_liver_without_a_lesion_gives_an_analysis_without_risk(case: PhantomCase, bundle: ModelBundle) -> None:
    labels = np.minimum(case.truth.label_map.array, 1)
    labels[:4, :12, :12] = 2  # In the air before the body.
    told: list[str] = []
    analysis = run(case, bundle, labels=LabelMap(labels, case.truth.label_map.grid), told=told)
    assert any(warning.startswith("QG-DETACHED: 1 region taken for tumour") for warning in analysis.warnings)
    assert analysis.risk is None
    assert analysis.features is None
    assert analysis.lesions == ()
    assert told == list(analysis.timing_s) == ["register", "segment"]


def test_study_without_a_liver_is_refused(case: PhantomCase, bundle: ModelBundle) -> None:
    nothing = LabelMap(np.zeros_like(case.truth.label_map.array), case.truth.label_map.grid)
    with pytest.raises(QualityGateError, match="QG-LIVER"):
        run(case, bundle, labels=nothing)


def test_study_of_another_field_strength_is_refused_before_any_work(
    case: PhantomCase, bundle: ModelBundle
) -> None:
    limits = SETTINGS.gates.model_copy(update={"field_strengths_t": (1.5,)})
    other = replace(bundle, settings=SETTINGS.model_copy(update={"gates": limits}))
    with pytest.raises(QualityGateError, match=r"QG-FIELD: .* at 3 T; the model was trained at 1\.5 T"):
        run(case, other)


def test_study_with_another_contrast_agent_is_refused_and_a_model_of_its_agent_tells_limit_and_value(
    case: PhantomCase, bundle: ModelBundle
) -> None:
    def limited(agent: str) -> ModelBundle:
        limits = SETTINGS.gates.model_copy(update={"contrast_agents": (agent,)})
        return replace(bundle, settings=SETTINGS.model_copy(update={"gates": limits}))

    with pytest.raises(
        QualityGateError, match=r"QG-AGENT: .* is gadoxetate; the model was trained with gadobenate"
    ):
        run(case, limited("gadobenate"))
    (gate,) = (gate for gate in run(case, limited("gadoxetate")).gates if gate.gate == "contrast_agent")
    assert (gate.passed, gate.value, gate.limit) == (True, 0, 0)


def test_case_unlike_the_training_cases_is_refused(case: PhantomCase, bundle: ModelBundle) -> None:
    limits = SETTINGS.gates.model_copy(update={"maximum_mahalanobis": 1e-6})
    strict = replace(bundle, settings=SETTINGS.model_copy(update={"gates": limits}))
    with pytest.raises(QualityGateError, match="QG-OOD"):
        run(case, strict)
