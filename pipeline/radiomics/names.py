"""The names of the features, fixed in number and order.

The lists are those of pyradiomics 3.0.1; a checksum proves that the installed package still has them.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Final

import radiomics

from pipeline.radiomics.settings import RadiomicsSettings
from pipeline.study import Role

REGIONS: Final = ("tumour", "margin")
"""Regions of each sequence, in the order of the features."""

SHAPE: Final = "shape"
INTENSITY_CLASSES: Final = ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm")
"""Feature classes computed on each filtered image; 93 features together."""

WAVELET_BANDS: Final = ("LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH", "LLL")
"""In the order in which pyradiomics yields them; the letters stand for x, y, z, H for the high-pass filter."""

DIAGNOSTICS: Final = (
    "diagnostics_Image-original_Mean",
    "diagnostics_Image-original_Minimum",
    "diagnostics_Image-original_Maximum",
    "diagnostics_Mask-original_VoxelNum",
    "diagnostics_Mask-original_VolumeNum",
)
"""The numbers among the diagnostics of pyradiomics, before normalisation."""

FEATURES_PER_REGION: Final = 1228
FEATURE_COUNT: Final = 14736

REGION_NAMES_SHA256: Final = "975f70e8f46321aeeebbee14946362704330ea83457df7c301b866e3250dc3b3"
"""Over the 1,228 names of a region at the default settings, one a line."""


def image_types(settings: RadiomicsSettings) -> tuple[str, ...]:
    """Name the 13 filtered images, as pyradiomics does."""
    sigmas = tuple(f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D" for sigma in settings.log_sigma_mm)
    return ("original", *(f"wavelet-{band}" for band in WAVELET_BANDS), *sigmas)


@cache
def class_features(feature_class: str) -> tuple[str, ...]:
    """List the features of a class of pyradiomics without the deprecated ones, by name."""
    listed = radiomics.getFeatureClasses()[feature_class].getFeatureNames()
    return tuple(sorted(name for name, deprecated in listed.items() if not deprecated))


def region_names(settings: RadiomicsSettings) -> tuple[str, ...]:
    """Name the 1,228 features of one region of one sequence."""
    return tuple(_region_names(settings))


def feature_names(settings: RadiomicsSettings) -> tuple[str, ...]:
    """Name all 14,736 features: by role, then region, then `region_names`."""
    names = region_names(settings)
    return tuple(f"{role}_{region}_{name}" for role, region, name in product(Role, REGIONS, names))


def names_sha256(names: tuple[str, ...]) -> str:
    """Digest of a list of names."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _region_names(settings: RadiomicsSettings) -> Iterator[str]:
    yield from (f"original_{SHAPE}_{name}" for name in class_features(SHAPE))
    for image_type, feature_class in product(image_types(settings), INTENSITY_CLASSES):
        yield from (f"{image_type}_{feature_class}_{name}" for name in class_features(feature_class))
    yield from DIAGNOSTICS
