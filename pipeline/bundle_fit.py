"""Whether the weights of a bundle are those of the networks and features that its settings state.

A bundle whose checksums hold may still be wrong: whoever packs one can make them hold. What does not fit is
refused where a model is verified, installed or opened, and not in the middle of a patient's study.
"""

from collections.abc import Mapping

from pipeline.classification.ensemble import CLINICAL_FEATURES, Tensors, digest_of_names
from pipeline.classification.settings import ClassificationSettings
from pipeline.errors import ModelMisfitError
from pipeline.model_bundle import CLASSIFIER, SEGMENTATION, ModelBundle
from pipeline.radiomics.names import feature_names
from pipeline.segmentation.shapes import network_shapes

Shapes = Mapping[str, tuple[int, ...]]
READING = (4,)
"""Slope, intercept, threshold, and whether these are a calibration."""
DIGEST_BYTES = (32,)


def require_fit(bundle: ModelBundle) -> ModelBundle:
    """Return a bundle whose weights, feature names and settings fit one another.

    Raises
    ------
    ModelMisfitError
        ``MB-FIT``: they do not; the message names the bundle, the file, what is wrong in it, and what to do.
    """
    try:
        _require_fit(bundle)
    except _MisfitError as error:
        raise ModelMisfitError(
            f"{bundle.identity.name} {bundle.identity.version}: {error}; train it again with this software"
        ) from error
    return bundle


def _require_fit(bundle: ModelBundle) -> None:
    names = feature_names(bundle.settings.radiomics)
    weights = bundle.classifier_weights
    _require(SEGMENTATION, bundle.segmentation_weights, network_shapes(bundle.settings.segmentation))
    members = sum(name.startswith("reduction.") and name.endswith(".mean") for name in weights)
    combined = any(name.startswith("combined.") for name in weights)
    settings = bundle.settings.classification
    _require(CLASSIFIER, weights, classifier_shapes(settings, len(names), max(members, 1), combined=combined))
    if bytes(weights["names_sha256"]).hex() != digest_of_names(names):
        raise _MisfitError(CLASSIFIER, "it was trained on other features than its settings give")
    _require_distribution(weights, max(members, 1))
    for head in ("radiomics", "combined") if combined else ("radiomics",):
        slope, _, threshold, _ = (float(value) for value in weights[f"{head}.reading"])
        if slope <= 0 or not 0 <= threshold <= 1:
            raise _MisfitError(
                CLASSIFIER, f"{head}.reading turns the risk round, or has a threshold beyond 0 and 1"
            )
    unknown = sorted(set(settings.bounded_clinical) - set(CLINICAL_FEATURES))
    if unknown:
        raise _MisfitError("the settings", f"bounded_clinical names {', '.join(unknown)}, no clinical feature")


def _require_distribution(weights: Tensors, members: int) -> None:
    """Require what the gates against strange studies, and every score, are reckoned with."""
    if (weights["feature.minimum"] > weights["feature.maximum"]).any():
        raise _MisfitError(CLASSIFIER, "a feature.minimum lies above its feature.maximum")
    for n in range(members):
        if (weights[f"reduction.{n}.scale"] <= 0).any():
            raise _MisfitError(CLASSIFIER, f"reduction.{n}.scale is not positive everywhere")
        variance = weights[f"reduction.{n}.variance"]
        # Some components may vary in no training case; with none that does, no study would ever be strange.
        if (variance < 0).any() or not variance.any():
            raise _MisfitError(CLASSIFIER, f"reduction.{n}.variance is no variance")


def classifier_shapes(
    settings: ClassificationSettings, features: int, members: int, *, combined: bool = True
) -> Shapes:
    """Return the shape of every tensor of the classifier.

    Parameters
    ----------
    settings
        Widths and components.
    features
        Number of radiomics features.
    members
        Of the ensemble.
    combined
        Whether there is a classifier with clinical values.
    """
    radiomics, clinical, joint = settings.radiomics_width, settings.clinical_width, settings.joint_width
    shapes: dict[str, tuple[int, ...]] = {
        "names_sha256": DIGEST_BYTES,
        "feature.minimum": (features,),
        "feature.maximum": (features,),
        "radiomics.reading": READING,
    }
    if combined:
        shapes["combined.reading"] = READING
    for n in range(members):
        shapes |= {
            f"reduction.{n}.mean": (features,),
            f"reduction.{n}.scale": (features,),
            f"reduction.{n}.components": (settings.components, features),
            f"reduction.{n}.variance": (settings.components,),
        }
        heads = {"radiomics": radiomics} | ({"combined": radiomics + clinical} if combined else {})
        for head, into in heads.items():
            shapes |= _layer(f"{head}.{n}.radiomics", radiomics, settings.components)
            shapes |= _layer(f"{head}.{n}.joint", joint, into)
            shapes |= _layer(f"{head}.{n}.output", 1, joint)
        if combined:
            shapes |= _layer(f"combined.{n}.clinical", clinical, len(CLINICAL_FEATURES))
    return shapes


def _layer(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _require(file: str, tensors: Tensors, wanted: Shapes) -> None:
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors:
            raise _MisfitError(file, f"tensor {name} is missing")
        if name not in wanted:
            raise _MisfitError(file, f"tensor {name} has no place in the networks of its settings")
        if tensors[name].shape != wanted[name]:
            raise _MisfitError(file, f"tensor {name} is {tensors[name].shape}, and by its settings {wanted[name]}")


class _MisfitError(Exception):
    def __init__(self, what: str, problem: str) -> None:
        super().__init__(f"{what} of the model does not fit: {problem}")
