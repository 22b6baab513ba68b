"""Six registered sequences and two regions in, 14,736 features out."""

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from pipeline.features import FeatureVector
from pipeline.radiomics.filters import Box, filtered_images, normalised
from pipeline.radiomics.names import (
    FEATURES_PER_REGION,
    REGION_NAMES_SHA256,
    REGIONS,
    feature_names,
    names_sha256,
    region_names,
)
from pipeline.radiomics.regions import Region, quiet_pyradiomics
from pipeline.radiomics.settings import RadiomicsSettings
from pipeline.study import Role
from pipeline.volume import Volume

Mask = npt.NDArray[np.bool_]


def extract(
    registered: Mapping[Role, Volume], tumour: Mask, margin: Mask, *, settings: RadiomicsSettings
) -> FeatureVector:
    """Extract the features of tumour and margin from the six sequences.

    Parameters
    ----------
    registered
        The six sequences on one grid.
    tumour
        (k, j, i) on that grid.
    margin
        The peritumoural margin, (k, j, i); may have any position.
    settings
        Of the model bundle.

    Returns
    -------
    FeatureVector
        14,736 values by role, region and `region_names`; those of pyradiomics 3.0.1 on the full images, to the
        last bit.

    Raises
    ------
    UnsuitableStudyError
        ``RAD-SIZE``, ``RAD-NAN``: a region is too small or gives no finite value.
    ValueError
        The grids or shapes differ, or the installed pyradiomics has other features.

    References
    ----------
    .. [1] van Griethuysen et al., Cancer Research 77(21), 2017. doi:10.1158/0008-5472.CAN-17-0339
    """
    grid = registered[Role.T1_HEPATOBILIARY].grid
    for role in Role:
        if not registered[role].grid.is_close(grid):
            raise ValueError(f"{role} is not on the grid of the hepatobiliary phase")
    if tumour.shape != grid.shape or margin.shape != grid.shape:
        raise ValueError(f"masks have shapes {tumour.shape} and {margin.shape}, the grid {grid.shape}")
    check_names()
    named = zip(REGIONS, (tumour, margin), strict=True)
    regions = [Region(name, mask, grid.spacing_xyz_mm) for name, mask in named]
    with quiet_pyradiomics():
        shapes = [region.shape(settings) for region in regions]
    one_role = partial(_sequence_features, regions=regions, shapes=shapes, settings=settings)
    volumes = [registered[role] for role in Role]
    if settings.processes == 1:
        parts = [one_role(role, volume) for role, volume in zip(Role, volumes, strict=True)]
    else:
        # Spawned: the thread pool of ITK does not survive a fork (InsightSoftwareConsortium/ITK#2069).
        with ProcessPoolExecutor(settings.processes, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(one_role, Role, volumes))
    return FeatureVector(feature_names(settings), np.concatenate(parts))


def check_names() -> None:
    """Prove that the installed pyradiomics has the features of this version.

    Raises
    ------
    ValueError
        It has not; the values would be given wrong names.
    """
    names = region_names(RadiomicsSettings())
    if len(names) != FEATURES_PER_REGION or names_sha256(names) != REGION_NAMES_SHA256:
        raise ValueError("the installed pyradiomics is not 3.0.1: its list of features differs")


def _sequence_features(
    role: Role, volume: Volume, *, regions: list[Region], shapes: list[list[float]], settings: RadiomicsSettings
) -> list[float]:
    """Compute 2 x 1,228 values of one sequence; every filtered image is made once and read by both regions."""
    union = Box(
        tuple(np.min([region.box.start for region in regions], axis=0).tolist()),
        tuple(np.max([region.box.stop for region in regions], axis=0).tolist()),
    )
    image: sitk.Image = normalised(volume, settings, sequence=role)
    rows = [list(shape) for shape in shapes]
    with quiet_pyradiomics():
        for name, array in filtered_images(image, union, settings):
            for region, row in zip(regions, rows, strict=True):
                inside = array[region.box.within(union).slices]
                row.extend(region.features(name, inside, settings, sequence=role))
    whole = volume.array.astype(np.float64)
    intensities = [float(whole.mean()), float(whole.min()), float(whole.max())]
    for region, row in zip(regions, rows, strict=True):
        row.extend([*intensities, float(region.voxels), float(region.component_count())])
    return [value for row in rows for value in row]
