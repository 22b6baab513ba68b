"""The fitted classifier: what the tensors of a bundle mean, in both directions."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.classification.network import FusionNetwork, Layer
from pipeline.classification.reduction import Reduction
from pipeline.study import Analyte

FloatArray = npt.NDArray[np.float64]
Tensors = Mapping[str, npt.NDArray[Any]]

TUMOUR_SIZE = "tumour_size_mm"
CLINICAL_FEATURES = (TUMOUR_SIZE, *(analyte.value for analyte in Analyte))
"""The seven clinical features of the paper, in the order of the network's input."""

SMALL_ELEMENTS = 20_000
"""Larger matrices are stored in float16: half the size, and a rounding far below the spread of the ensemble."""


@dataclass(frozen=True, eq=False)
class Head:
    """One classifier of a bundle: its ensemble, and how its logits are read.

    Parameters
    ----------
    networks
        One a member, in the order of the reductions.
    slope, intercept
        Platt calibration: probability = 1 / (1 + exp(-(slope x logit + intercept))).
    threshold
        Probability that divides best by Youden's index, on held-out cases.
    calibrated
        Whether slope and intercept were fitted on held-out cases; otherwise they are 1 and 0.
    """

    networks: tuple[FusionNetwork, ...]
    slope: float
    intercept: float
    threshold: float
    calibrated: bool


@dataclass(frozen=True, eq=False)
class FittedClassifier:
    """Everything that was learnt for the classification.

    Parameters
    ----------
    names_sha256
        Digest of the feature names that the reductions expect, in order.
    reductions
        One a member, each fitted on the training part of that member only.
    combined
        Radiomics and clinical values; None where no training case had complete values.
    radiomics
        Radiomics alone.
    feature_minimum, feature_maximum
        (features,), over all training cases.
    """

    names_sha256: str
    reductions: tuple[Reduction, ...]
    combined: Head | None
    radiomics: Head
    feature_minimum: FloatArray
    feature_maximum: FloatArray


def digest_of_names(names: Sequence[str]) -> str:
    """Hexadecimal digest of feature names in order."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def to_tensors(classifier: FittedClassifier) -> dict[str, npt.NDArray[Any]]:
    """Write a classifier as named arrays."""
    tensors: dict[str, npt.NDArray[Any]] = {
        "names_sha256": np.frombuffer(bytes.fromhex(classifier.names_sha256), dtype=np.uint8),
        "feature.minimum": classifier.feature_minimum,
        "feature.maximum": classifier.feature_maximum,
    }
    for n, reduction in enumerate(classifier.reductions):
        tensors[f"reduction.{n}.mean"] = reduction.mean
        tensors[f"reduction.{n}.scale"] = reduction.scale
        tensors[f"reduction.{n}.components"] = _stored(reduction.components)
        tensors[f"reduction.{n}.variance"] = reduction.variance
    for name in ("combined", "radiomics"):
        head: Head | None = getattr(classifier, name)
        if head is not None:
            tensors.update(_head_tensors(name, head))
    return tensors


def from_tensors(tensors: Tensors) -> FittedClassifier:
    """Read a classifier from the named arrays of a bundle; computes in float64.

    Raises
    ------
    KeyError
        A tensor is missing.
    """
    members = sum(name.startswith("reduction.") and name.endswith(".mean") for name in tensors)
    return FittedClassifier(
        bytes(tensors["names_sha256"]).hex(),
        tuple(
            Reduction(*(tensors[f"reduction.{n}.{part.name}"] for part in fields(Reduction)))
            for n in range(members)
        ),
        _read_head("combined", members, tensors) if "combined.reading" in tensors else None,
        _read_head("radiomics", members, tensors),
        tensors["feature.minimum"],
        tensors["feature.maximum"],
    )


def _stored(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(np.float16 if array.size > SMALL_ELEMENTS else np.float32)


def _head_tensors(name: str, head: Head) -> dict[str, npt.NDArray[Any]]:
    reading = [head.slope, head.intercept, head.threshold, float(head.calibrated)]
    tensors: dict[str, npt.NDArray[Any]] = {f"{name}.reading": np.array(reading)}
    for n, network in enumerate(head.networks):
        for part in fields(FusionNetwork):
            layer: Layer | None = getattr(network, part.name)
            if layer is not None:
                tensors[f"{name}.{n}.{part.name}.weight"] = _stored(layer.weight)
                tensors[f"{name}.{n}.{part.name}.bias"] = _stored(layer.bias)
    return tensors


def _read_head(name: str, members: int, tensors: Tensors) -> Head:
    def layer(n: int, part: str) -> Layer | None:
        key = f"{name}.{n}.{part}"
        if part == "clinical" and f"{key}.weight" not in tensors:
            return None
        return Layer(tensors[f"{key}.weight"].astype(np.float64), tensors[f"{key}.bias"].astype(np.float64))

    networks = []
    for n in range(members):
        parts: dict[str, Any] = {part.name: layer(n, part.name) for part in fields(FusionNetwork)}
        networks.append(FusionNetwork(**parts))
    slope, intercept, threshold, calibrated = tensors[f"{name}.reading"].tolist()
    return Head(tuple(networks), slope, intercept, threshold, bool(calibrated))
