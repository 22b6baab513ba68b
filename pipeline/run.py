"""The order of the stages and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from config.analytes import AnalyteRules, load_analytes
from config.sections.compute import Device
from pipeline.aligned import Aligned, align
from pipeline.analysis import Analysis, FeatureEvidence, GateOutcome, Lesion, Risk
from pipeline.classification import Classification, classify
from pipeline.clinical import ClinicalFeatures, clinical_features
from pipeline.features import FeatureVector
from pipeline.lesions import Delineation, delineate, least_contact, measure
from pipeline.model_bundle import ModelBundle, PipelineSettings
from pipeline.quality import (
    agent_doubt,
    agent_gates,
    coverage_gate,
    distribution_gates,
    field_strength_doubt,
    field_strength_gates,
    hepatobiliary_gate,
    liver_gates,
    registration_gates,
    require,
    tumour_gates,
    weakness,
)
from pipeline.radiomics import Outline, extract
from pipeline.segmentation.backends import Backend
from pipeline.segmentation.stage import segment
from pipeline.specimen import Examined
from pipeline.stopwatch import Stopwatch
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role, Study

DETACHED: Final = "QG-DETACHED"
"""Code of a warning: tumour apart from the liver was left out."""


def analyse(
    study: Study,
    bundle: ModelBundle,
    *,
    clock: Callable[[], float],
    progress: Callable[[str], None] | None = None,
    analytes: AnalyteRules | None = None,
    device: Device = "cpu",
) -> Analysis:
    """Analyse one study.

    Parameters
    ----------
    study
        Six volumes as acquired, and clinical values.
    bundle
        Weights and settings of every stage.
    clock
        Monotonic, s.
    progress
        Told the name of each stage as it begins: ``register``, ``segment``, ``radiomics``, ``classify``.
    analytes
        Rules of the clinical values; those that come with the software where absent.
    device
        Where the network is computed; a GPU that cannot be used is replaced by the processor.

    Returns
    -------
    Analysis
        Without risk and features where no lesion was found.

    Raises
    ------
    StudyError
        A stage refused the study, or a quality gate failed; carries stage and code.
    """
    settings, stage = bundle.settings, Stopwatch(clock, progress)
    fixed = study.volumes[FIXED_ROLE]

    stage.begin("register")
    gates = require(field_strength_gates(study.field_strength_t, settings.gates))
    gates = require(agent_gates(study.contrast_agents, settings.gates), gates)
    aligned = align(study, settings)
    gates = require(registration_gates(aligned.outcomes, settings.gates), gates)

    stage.begin("segment")
    labels = segment(
        aligned.registered,
        weights=bundle.segmentation_weights,
        settings=settings.segmentation,
        backend=Backend.CUDA if device == "cuda" else Backend.AUTOMATIC,
    )
    found = delineate(labels, fixed.grid, settings=settings.lesions)
    native = found.on(fixed.grid)
    lesions = measure(native.lesion_map)
    gates = _anatomy_gates(study, aligned, found, native, lesions, settings, gates)

    risk: Risk | None = None
    evidence: FeatureEvidence | None = None
    clinical = ClinicalFeatures(None, (), ())
    worth: tuple[str, ...] = ()
    if lesions:
        stage.begin("radiomics")
        features = tumour_features(aligned, found, settings)
        stage.begin("classify")
        clinical = clinical_features(
            study.clinical,
            tumour_size_mm=max(lesion.longest_diameter_mm for lesion in lesions),
            examined=Examined(study.examined_on, study.began_at),
            rules=analytes or load_analytes(),
            bounded=settings.classification.bounded_clinical,
        )
        verdict = _classified(features, clinical, bundle)
        gates = require(distribution_gates(verdict.outside_share, verdict.mahalanobis, settings.gates), gates)
        risk = replace(verdict.risk, left_out_auc=bundle.left_out_auc(verdict.risk.classifier))
        worth = weakness(risk.left_out_auc)
        evidence = FeatureEvidence(len(features.names), features.sha256, verdict.contributions)
    return Analysis(
        liver_map=native.liver_map,
        lesion_map=native.lesion_map,
        margin_map=native.margin_map,
        lesions=lesions,
        risk=risk,
        registrations=aligned.outcomes,
        registered=aligned.registered,
        features=evidence,
        gates=gates,
        clinical_used=dict(clinical.complete or {}),
        model=bundle.identity,
        timing_s=stage.end(),
        warnings=(
            *worth,
            *field_strength_doubt(study.field_strength_t, settings.gates),
            *agent_doubt(study.contrast_agents, settings.gates),
            *clinical.warnings,
            *_set_aside(found),
            *_detached(found),
        ),
    )


def tumour_features(aligned: Aligned, found: Delineation, settings: PipelineSettings) -> FeatureVector:
    """Extract the features of all tumour voxels together, and of their margins, as the paper does.

    Parameters
    ----------
    found
        On the working grid, with at least one lesion.
    """
    tumour, margin = tumour_outline(found)
    return extract(aligned.registered, tumour, margin, settings=settings.radiomics)


def tumour_outline(found: Delineation) -> Outline:
    """Take all tumours together, and their margins."""
    return found.lesion_map.array > 0, found.margin_map.array > 0


def _classified(features: FeatureVector, clinical: ClinicalFeatures, bundle: ModelBundle) -> Classification:
    return classify(
        features,
        clinical.complete,
        clinical.missing,
        weights=bundle.classifier_weights,
        settings=bundle.settings.classification,
    )


def _set_aside(found: Delineation) -> tuple[str, ...]:
    return tuple(
        f"Not counted as tumour: a region of {volume_cm3:.1f} cm3 at the liver surface, mostly outside the liver."
        for volume_cm3 in found.set_aside_cm3
    )


def _detached(found: Delineation) -> tuple[str, ...]:
    """Tell of tumour apart from the liver in one sentence: a part of the liver may be missing."""
    volumes_cm3 = found.detached_cm3
    if not volumes_cm3:
        return ()
    several = len(volumes_cm3) > 1
    what = f"{len(volumes_cm3)} regions" if several else "1 region"
    largest = f", the largest {volumes_cm3[0]:.1f} cm3" if several else ""
    return (
        f"{DETACHED}: {what} taken for tumour, {sum(volumes_cm3):.1f} cm3{largest}, not connected to the liver, "
        "not measured and not in the risk.",
    )


def _anatomy_gates(
    study: Study,
    aligned: Aligned,
    found: Delineation,
    native: Delineation,
    lesions: tuple[Lesion, ...],
    settings: PipelineSettings,
    passed: tuple[GateOutcome, ...],
) -> tuple[GateOutcome, ...]:
    """Judge liver, contrast, coverage and lesions, in this order."""
    limits = settings.gates
    gates = require(liver_gates(native.liver_map, limits), passed)
    grid = found.liver_map.grid
    sequences = {
        role: (study.volumes[role].grid, aligned.outcomes[role].transform_lps_mm) for role in MOVING_ROLES
    }
    liver, lesion, margin = (part.array > 0 for part in (found.liver_map, found.lesion_map, found.margin_map))
    before, after = aligned.registered[Role.T1_PRE], aligned.registered[FIXED_ROLE]
    gates = require(
        [
            coverage_gate("liver_coverage", liver, grid, sequences, limits.minimum_liver_coverage),
            hepatobiliary_gate(before, after, liver & ~lesion, limits),
        ],
        gates,
    )
    if lesions:
        near = lesion | margin
        covered = coverage_gate("tumour_coverage", near, grid, sequences, limits.minimum_tumour_coverage)
        volume_cm3 = float((native.liver_map.array > 0).sum()) * native.liver_map.grid.voxel_volume_mm3 / 1000
        judged = [covered, *tumour_gates(lesions, volume_cm3, least_contact(found), limits)]
        gates = require(judged, gates)
    return gates
