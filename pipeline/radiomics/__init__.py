"""The 14,736 radiomics features of pyradiomics 3.0.1, computed once per filtered image."""

from pipeline.features import FeatureVector
from pipeline.radiomics.settings import RadiomicsSettings

__all__ = ["FeatureVector", "RadiomicsSettings"]
