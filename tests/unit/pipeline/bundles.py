"""Bundles that are small, know nothing, and fit their own settings."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.bundle_fit import classifier_shapes
from pipeline.classification import ClassificationSettings
from pipeline.classification.ensemble import digest_of_names
from pipeline.model_bundle import CLASSIFIER, SEGMENTATION, PipelineSettings
from pipeline.radiomics.names import feature_names
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.segmentation.shapes import network_shapes

SMALL = PipelineSettings(
    segmentation=SegmentationSettings(channels=(1, 1), patch_kji=(8, 8, 8), stride_kji=(8, 8, 8)),
    classification=ClassificationSettings(components=1, radiomics_width=1, clinical_width=1, joint_width=1),
)


def blank_tensors(settings: PipelineSettings = SMALL) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Return zeros of every shape that the settings want, the right digest of names, and readings that read."""
    names = feature_names(settings.radiomics)
    shapes = {
        SEGMENTATION: network_shapes(settings.segmentation),
        CLASSIFIER: classifier_shapes(settings.classification, len(names), 1),
    }
    tensors = {
        file: {name: np.zeros(shape, np.float32) for name, shape in wanted.items()}
        for file, wanted in shapes.items()
    }
    digest = np.frombuffer(bytes.fromhex(digest_of_names(names)), dtype=np.uint8)
    readings = {f"{head}.reading": np.array([1, 0, 0.5, 0], np.float32) for head in ("radiomics", "combined")}
    spread = {
        name: np.ones_like(tensors[CLASSIFIER][name]) for name in ("reduction.0.scale", "reduction.0.variance")
    }
    return {**tensors, CLASSIFIER: {**tensors[CLASSIFIER], "names_sha256": digest, **readings, **spread}}
