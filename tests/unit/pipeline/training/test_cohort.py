"""The stages of `cohort train` on cases whose slow parts are done already, or replaced by the truth."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.aligned import Aligned
from pipeline.analysis import ModelIdentity, RegistrationOutcome
from pipeline.classification import ClassificationSettings, classify
from pipeline.errors import TransientError
from pipeline.evaluation.parts import Masks
from pipeline.evaluation.reading import read_cohort
from pipeline.features import FeatureVector
from pipeline.lesions import LesionSettings, delineate
from pipeline.model_bundle import PipelineSettings, load_bundle
from pipeline.quality import GateSettings
from pipeline.resampling import resample_labels
from pipeline.run import tumour_features
from pipeline.segmentation.backends import build_network
from pipeline.segmentation.network import weights_of
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role, Study
from pipeline.training import case_writing, extraction
from pipeline.training.case_store import read_case
from pipeline.training.case_writing import write_training_case
from pipeline.training.classifier import fit_classifier
from pipeline.training.cohort import Base, Resources, Watch, based_on, train_bundle
from pipeline.training.engines import Extracted
from pipeline.training.errors import TrainingError
from pipeline.training.extraction import FEATURES, extract_case, extract_cohort, features_folder
from pipeline.training.feature_table import read_table, write_row
from pipeline.training.limits import DISTANCE_ALLOWANCE, with_limits
from pipeline.training.manifest import BundleTarget, Cohort, CohortManifest, PhantomSeeds
from pipeline.training.parquet import AUTOMATIC, PARQUET, read_parquet
from pipeline.training.record import require_rows
from pipeline.training.segmentation_stage import weights_file
from pipeline.training.settings import ExtractionSettings
from pipeline.training.sources import LoadedCase, PhantomSource, sources_of
from pipeline.volume import LabelMap, Volume
from tests.unit.pipeline.training.cohorts import SETTINGS, TRAINING, make_table

COARSE = PipelineSettings(working_spacing_xyz_mm=(6.0, 6.0, 7.5), lesions=LesionSettings(margin_mm=12.0))
SOURCE = PhantomSource(901, 0.5)


@pytest.fixture(scope="module")
def phantom() -> LoadedCase:
    return SOURCE.load()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, phantom: LoadedCase) -> LoadedCase:
    """Replace making, registration and segmentation by what is known of the phantom."""

    def true_alignment(study: Study, settings: PipelineSettings) -> Aligned:
        outcomes = {
            role: RegistrationOutcome(transform, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), -1.0, -0.5)
            for role, transform in (phantom.transforms_lps_mm or {}).items()
            if role is not FIXED_ROLE
        }
        return Aligned(case_writing._aligned(phantom, settings), outcomes)

    def true_labels(channels: Mapping[Role, Volume], **_: object) -> LabelMap:
        assert phantom.label_map is not None
        return resample_labels(phantom.label_map, channels[FIXED_ROLE].grid)

    monkeypatch.setattr(PhantomSource, "load", lambda _: phantom)
    monkeypatch.setattr(extraction, "align", true_alignment)
    monkeypatch.setattr(extraction, "segment", true_labels)
    return phantom


def test_source_when_loaded_then_it_is_the_phantom_of_its_seed(phantom: LoadedCase) -> None:
    assert phantom.study.field_strength_t == 3.0
    assert phantom.label_map is not None
    assert set(np.unique(phantom.label_map.array)) == {0, 1, 2}


def test_training_case_when_written_by_the_true_transforms_then_labels_fit_the_image(
    quick: LoadedCase, tmp_path: Path
) -> None:
    write_training_case(tmp_path / SOURCE.name, SOURCE, COARSE)
    case = read_case(tmp_path / SOURCE.name)
    assert case.channels.shape == (6, *case.labels.shape)
    assert tuple(case.spacing_kji_mm) == (7.5, 6.0, 6.0)
    hepatobiliary = case.channels[-1].astype(float)
    # Hepatocytes take the contrast agent up, tumours do not.
    assert np.median(hepatobiliary[case.labels == 1]) > 1.3 * np.median(hepatobiliary[case.labels == 2])
    assert (case.labels[tuple(case.tumour_points.T)] == 2).all()
    assert case.body[case.labels > 0].mean() > 0.99


def test_training_case_when_it_has_no_labels_then_it_is_named(
    monkeypatch: pytest.MonkeyPatch, phantom: LoadedCase, tmp_path: Path
) -> None:
    unlabelled = LoadedCase(phantom.study, phantom.mvi, None, phantom.transforms_lps_mm)
    monkeypatch.setattr(PhantomSource, "load", lambda _: unlabelled)
    with pytest.raises(TrainingError, match="phantom-000901 has no labels"):
        write_training_case(tmp_path / "x", SOURCE, COARSE)


def test_extract_when_a_case_has_a_lesion_then_its_row_holds_features_size_and_outcome(
    quick: LoadedCase, tmp_path: Path
) -> None:
    outcome = extract_case(SOURCE, {}, COARSE, tmp_path)
    assert outcome == Extracted(SOURCE.name)
    table = read_table([tmp_path / f"{SOURCE.name}.npz"])
    assert table.values.shape == (1, 14736)
    assert table.mvi.tolist() == [quick.mvi]
    assert table.complete.tolist() == [True]
    assert 10 < table.clinical[0, 0] < 120


def test_extract_when_the_tumour_is_outlined_by_hand_then_the_evaluation_reads_what_lies_beside(
    quick: LoadedCase, tmp_path: Path
) -> None:
    more = ExtractionSettings(repeats=2, repeat_cases=1)
    extract_cohort(
        [SOURCE], weights={}, settings=COARSE, work=tmp_path, processes=1, report=lambda _: None, outlines=more
    )
    folder = tmp_path / FEATURES
    cohort = read_cohort(folder, [SOURCE.name], name="one", synthetic=True)
    aligned = Aligned(case_writing._aligned(quick, COARSE), {})
    assert quick.label_map is not None
    found = delineate(
        resample_labels(quick.label_map, aligned.registered[FIXED_ROLE].grid),
        quick.study.volumes[FIXED_ROLE].grid,
        settings=COARSE.lesions,
    )
    own = tumour_features(aligned, found, COARSE)
    np.testing.assert_array_equal(cohort.radiomics[Masks.AUTOMATIC].values[0], own.values)
    assert len(cohort.repeats) == 2
    # The automatic outline of this test is the true one, which is the manual one of a phantom.
    np.testing.assert_array_equal(cohort.radiomics[Masks.MANUAL].values[0], own.values)
    for block in cohort.repeats:
        assert np.isfinite(block.values[0]).all()
        assert (block.values[0] != own.values).mean() > 0.9
    (agreement,) = cohort.agreement
    assert set(agreement.registration) == set(MOVING_ROLES)
    assert all(after > 0.8 for _, after in agreement.registration.values())
    # Seen through the coarse grid of the test.
    assert agreement.segmentation[FIXED_ROLE] > 0.7
    assert agreement.liver[FIXED_ROLE] > 0.9
    (outline,) = cohort.outlines
    assert outline.manual.any()
    assert outline.image.shape == outline.automatic.shape


def test_extract_when_no_lesion_is_found_then_the_reason_is_kept_and_the_case_not_repeated(
    quick: LoadedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(channels: Mapping[Role, Volume], **_: object) -> LabelMap:
        grid = channels[FIXED_ROLE].grid
        return LabelMap(np.zeros(grid.shape, np.uint8), grid)

    monkeypatch.setattr(extraction, "segment", nothing)
    seen: list[Extracted] = []
    for _ in range(2):
        rows = extract_cohort(
            [SOURCE], weights={}, settings=COARSE, work=tmp_path, processes=1, report=seen.append
        )
        assert rows == []
    assert [extracted.refused_because for extracted in seen] == ["no lesion was found"]
    missed = json.loads((tmp_path / FEATURES / f"{SOURCE.name}.agreement.json").read_text())
    assert missed["segmentation"] == {"T1_HEPATOBILIARY": 0.0}


def test_table_when_a_row_has_other_features_then_its_file_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_row(tmp_path / f"{name}.npz", FeatureVector((f"T2_tumour_{name}",), np.ones(1)), np.zeros(7), True)
    with pytest.raises(TrainingError, match=r"b\.npz holds other features"):
        read_table([tmp_path / "a.npz", tmp_path / "b.npz"])
    with pytest.raises(TrainingError, match="no case has features"):
        read_table([])


def test_train_when_segmentation_and_features_are_done_then_only_the_classifier_is_fitted_and_the_bundle_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = SegmentationSettings(channels=(4, 8), patch_kji=(8, 16, 16), stride_kji=(8, 16, 16))
    manifest = CohortManifest(
        cohort=Cohort(name="small", kind="phantom", first_seed=100, count=60),
        phantoms=PhantomSeeds(first_seed=0, count=1),
        pipeline=PipelineSettings(segmentation=network, classification=SETTINGS),
        classifier=TRAINING,
        bundle=BundleTarget(name="small", version="0.1.0"),
    )
    sources = sources_of(manifest, lambda case: pytest.fail(str(case)))
    monkeypatch.setattr(PhantomSource, "load", lambda _: pytest.fail("nothing is left to load"))
    weights = weights_of(build_network(network))
    np.savez(weights_file(tmp_path, manifest), allow_pickle=False, **weights)
    halved = {name: array.astype(np.float16) for name, array in weights.items()}
    folder = features_folder(tmp_path, halved, manifest.pipeline)
    table = make_table(60, signal=3.0)
    for source, values, clinical, mvi in zip(
        sources.classifier, table.values, table.clinical, table.mvi, strict=True
    ):
        write_row(folder / f"{source.name}.npz", FeatureVector(table.names, values), clinical, bool(mvi))

    watch = Watch(lambda: 0.0, lambda _: None, lambda _: None)
    identity, fit = train_bundle(manifest, sources, tmp_path, tmp_path / "out", watch, Resources(1, 1))

    bundle = load_bundle(tmp_path / "out")
    assert bundle.identity == identity
    joined, whence = read_parquet(tmp_path / PARQUET)
    np.testing.assert_array_equal(joined[AUTOMATIC].values, table.values)
    assert (whence["cohort"], whence["refused"], whence["model"]) == ("small", {}, None)
    assert fit.radiomics.auc > 0.85
    assert bundle.training["left_out"]["radiomics"]["auc"] == fit.radiomics.auc
    assert bundle.training["classifier"]["cases"] == 60
    assert len(bundle.training["code"]["sources_sha256"]) == 64
    limit = bundle.settings.gates.maximum_mahalanobis
    assert limit is not None
    assert limit == pytest.approx(DISTANCE_ALLOWANCE * fit.mahalanobis_99, abs=0.06)
    np.testing.assert_array_equal(
        bundle.segmentation_weights["head.weight"], weights["head.weight"].astype(np.float16)
    )
    verdict = classify(
        FeatureVector(table.names, table.values[0]),
        None,
        ("ast_u_per_l",),
        weights=bundle.classifier_weights,
        settings=bundle.settings.classification,
    )
    assert 0 < verdict.risk.probability < 1
    assert bundle.settings.gates.maximum_outside_share == pytest.approx(1.5 * fit.outside_share_99, abs=6e-4)
    assert verdict.mahalanobis < limit


def _based(pipeline: PipelineSettings) -> CohortManifest:
    return CohortManifest(
        cohort=Cohort(name="based", kind="phantom", first_seed=0, count=60),
        pipeline=pipeline,
        classifier=TRAINING,
        bundle=BundleTarget(name="based", version="1.0.0", segmentation_of="small"),
    )


def _base() -> Base:
    settings = COARSE.model_copy(update={"segmentation": SegmentationSettings(channels=(4, 8))})
    weights = {
        name: array.astype(np.float16) for name, array in weights_of(build_network(settings.segmentation)).items()
    }
    return Base(ModelIdentity("small", "1.0.0", "0" * 64, "test"), settings, weights)


def test_train_when_a_segmentation_is_taken_over_then_nothing_is_trained_and_the_bundle_names_it(
    tmp_path: Path,
) -> None:
    base = _base()
    manifest = based_on(_based(PipelineSettings(classification=SETTINGS)), base)
    assert manifest.pipeline.working_spacing_xyz_mm == COARSE.working_spacing_xyz_mm
    sources = sources_of(manifest, lambda _: pytest.fail("no patients here"))
    assert sources.segmentation == ()
    folder = features_folder(tmp_path, base.weights, manifest.pipeline)
    table = make_table(60, signal=3.0)
    for source, values, mvi in zip(sources.classifier, table.values, table.mvi, strict=True):
        write_row(folder / f"{source.name}.npz", FeatureVector(table.names, values), table.clinical[0], bool(mvi))

    watch = Watch(lambda: 0.0, lambda _: pytest.fail("the segmentation is trained"), lambda _: None)
    train_bundle(manifest, sources, tmp_path, tmp_path / "out", watch, Resources(1, 1), base)

    bundle = load_bundle(tmp_path / "out")
    assert bundle.training["segmentation"]["taken_over_from"]["sha256"] == "0" * 64
    np.testing.assert_array_equal(bundle.segmentation_weights["head.weight"], base.weights["head.weight"])


def test_cohort_file_when_it_contradicts_the_segmentation_taken_over_then_the_keys_are_named() -> None:
    stated = PipelineSettings(working_spacing_xyz_mm=(1.0, 1.0, 1.0))
    with pytest.raises(TrainingError, match=r"pipeline\.working_spacing_xyz_mm of the cohort file"):
        based_on(_based(stated), _base())


def test_cohort_file_when_it_states_the_search_of_taken_over_weights_then_they_do_and_widths_it_may_not() -> None:
    own = PipelineSettings(segmentation=SegmentationSettings(search="body"))
    taken = based_on(_based(own), _base()).pipeline.segmentation
    assert (taken.search, taken.channels) == ("body", (4, 8))
    wide = PipelineSettings(segmentation=SegmentationSettings(channels=(8, 16)))
    with pytest.raises(TrainingError, match=r"pipeline\.segmentation\.channels of the cohort file"):
        based_on(_based(wide), _base())


def test_limits_when_the_cohort_file_states_one_then_it_stands(tmp_path: Path) -> None:
    fit = fit_classifier(make_table(60), SETTINGS, TRAINING)
    stated = PipelineSettings(gates=GateSettings(maximum_outside_share=0.07))
    limits = with_limits(stated, fit, make_table(60)).gates
    assert limits.maximum_outside_share == 0.07
    assert limits.maximum_mahalanobis == pytest.approx(1.5 * fit.mahalanobis_99, abs=0.06)
    assert limits.field_strengths_t == (3.0,)


def test_field_strengths_when_every_case_tells_its_own_then_they_are_limits_and_otherwise_none_is() -> None:
    table = make_table(60)
    fit = fit_classifier(table, SETTINGS, TRAINING)
    table.field_strength_t[:20] = 1.494
    assert with_limits(PipelineSettings(), fit, table).gates.field_strengths_t == (1.5, 3.0)
    table.field_strength_t[5] = np.nan
    assert with_limits(PipelineSettings(), fit, table).gates.field_strengths_t is None


def test_agents_and_likeness_when_every_case_tells_its_own_then_they_are_limits_and_otherwise_none_is() -> None:
    table = make_table(60)
    fit = fit_classifier(table, SETTINGS, TRAINING)
    named = replace(table, contrast_agents=("gadoxetate",) * 59 + ("gadobenate gadoxetate",))
    limits = with_limits(PipelineSettings(), fit, named).gates
    assert limits.contrast_agents == ("gadobenate", "gadoxetate")
    known = replace(table, displaced_likeness=np.linspace(0.4, 0.7, 60))
    assert with_limits(PipelineSettings(), fit, known).gates.maximum_displaced_likeness == 0.77
    blunt = replace(table, displaced_likeness=np.full(60, 0.95))
    assert with_limits(PipelineSettings(), fit, blunt).gates.maximum_displaced_likeness == 1.0
    few = replace(table, displaced_likeness=np.where(np.arange(60) < 19, 0.5, np.nan))
    for unknown in (few, table):
        assert with_limits(PipelineSettings(), fit, unknown).gates.maximum_displaced_likeness is None
    few.displaced_likeness[19] = 0.5
    assert with_limits(PipelineSettings(), fit, few).gates.maximum_displaced_likeness == 0.55
    silent = replace(table, contrast_agents=("gadoxetate",) * 59 + ("",))
    assert with_limits(PipelineSettings(), fit, silent).gates.contrast_agents is None
    assert with_limits(PipelineSettings(), fit, table).gates.contrast_agents is None


def test_features_when_settings_or_weights_change_then_the_old_ones_are_not_reused(tmp_path: Path) -> None:
    weights = {"head": np.ones(3, np.float16)}
    folder = features_folder(tmp_path, weights, COARSE)
    (folder / "case.npz").touch()
    assert features_folder(tmp_path, weights, COARSE) == folder
    with pytest.raises(TrainingError, match="another lesions"):
        features_folder(tmp_path, weights, COARSE.model_copy(update={"lesions": LesionSettings(margin_mm=20.0)}))
    with pytest.raises(TrainingError, match="another weights"):
        features_folder(tmp_path, {"head": np.zeros(3, np.float16)}, COARSE)


def test_features_when_what_only_learns_from_them_is_another_then_they_are_kept(tmp_path: Path) -> None:
    weights = {"head": np.ones(3, np.float16)}
    folder = features_folder(tmp_path, weights, COARSE)
    fewer = ClassificationSettings(components=5)
    faster = COARSE.radiomics.model_copy(update={"processes": 2})
    assert features_folder(tmp_path, weights, COARSE.model_copy(update={"classification": fewer})) == folder
    assert features_folder(tmp_path, weights, COARSE.model_copy(update={"radiomics": faster})) == folder


def test_features_when_the_software_gained_a_setting_then_its_default_is_no_other_making(tmp_path: Path) -> None:
    weights = {"head": np.ones(3, np.float16)}
    record = features_folder(tmp_path, weights, COARSE) / "made_with.json"
    stored = json.loads(record.read_text())
    del stored["registration"]["deformable"]  # As written before there was one.
    record.write_text(json.dumps(stored))
    features_folder(tmp_path, weights, COARSE)
    deformable = COARSE.registration.model_copy(update={"deformable": {"Transform": ("BSplineTransform",)}})
    with pytest.raises(TrainingError, match="another registration"):
        features_folder(tmp_path, weights, COARSE.model_copy(update={"registration": deformable}))


def test_features_when_nobody_says_what_made_them_then_refused(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "case.npz").touch()
    with pytest.raises(TrainingError, match="does not say"):
        features_folder(tmp_path, {}, COARSE)


def test_extract_when_memory_was_short_then_the_case_is_not_refused_for_good(
    quick: LoadedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: object, **__: object) -> Aligned:
        raise TransientError("REG-MEMORY", "No memory.", stage="register")

    monkeypatch.setattr(extraction, "align", short)
    with pytest.raises(TransientError):
        extract_case(SOURCE, {}, COARSE, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        (
            ("no lesion was found", "no lesion was found", "QG-LIVER: small"),
            r"no case has features: no lesion was found \(2\), QG-LIVER \(1\); the segmentation finds nothing",
        ),
        (("QG-REG: far", "QG-REG: far"), r"QG-REG \(2\); `mvi-node cohort extract` tells the reason"),
        ((), r"none was extracted"),
    ],
)
def test_training_when_no_case_has_features_then_the_reasons_are_counted_and_a_blind_network_is_named(
    tmp_path: Path, reasons: tuple[str, ...], told: str
) -> None:
    for n, because in enumerate(reasons):
        (tmp_path / f"case{n}.refused.json").write_text(json.dumps({"because": because}))
    with pytest.raises(TrainingError, match=told):
        require_rows([], tmp_path)
    require_rows([tmp_path / "case9.npz"], tmp_path)
