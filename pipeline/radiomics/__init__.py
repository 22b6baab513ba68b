"""The 14,736 radiomics features of pyradiomics 3.0.1, computed once per filtered image."""

from pipeline.features import FeatureVector
from pipeline.radiomics.extraction import Outline, extract, extract_outlines
from pipeline.radiomics.names import FEATURE_COUNT, REGIONS, feature_names
from pipeline.radiomics.settings import RadiomicsSettings

__all__ = [
    "FEATURE_COUNT",
    "REGIONS",
    "FeatureVector",
    "Outline",
    "RadiomicsSettings",
    "extract",
    "extract_outlines",
    "feature_names",
]
