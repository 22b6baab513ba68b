"""Six registered sequences and two regions in, 14,736 features out."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from pipeline.errors import UnsuitableStudyError
from pipeline.features import FeatureVector
from pipeline.geometry import FloatArray
from pipeline.radiomics.ahead import Filtered, filtered_ahead
from pipeline.radiomics.filters import Box
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
Outline = tuple[Mask, Mask]
"""Tumour and its margin, both (k, j, i)."""
Prepared = tuple[list[Region], list[list[float]]]
"""The regions of an outline and their shape features."""


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
    (found,) = extract_outlines(registered, [(tumour, margin)], settings=settings)
    if isinstance(found, UnsuitableStudyError):
        raise found
    return found


def extract_outlines(
    registered: Mapping[Role, Volume], outlines: Sequence[Outline], *, settings: RadiomicsSettings
) -> tuple[FeatureVector | UnsuitableStudyError, ...]:
    """Extract the features of several outlines of one tumour; every sequence is filtered once for all.

    Parameters
    ----------
    registered, settings
        As of `extract`.
    outlines
        Tumour and margin each.

    Returns
    -------
    tuple
        For each outline what `extract` returns for it alone, to the last bit, or the error that it raises.

    Raises
    ------
    UnsuitableStudyError
        ``RAD-CONSTANT``: a sequence has one value everywhere.
    ValueError
        As of `extract`.
    """
    grid = registered[Role.T1_HEPATOBILIARY].grid
    for role in Role:
        if not registered[role].grid.is_close(grid):
            raise ValueError(f"{role} is not on the grid of the hepatobiliary phase")
    for tumour, margin in outlines:
        if tumour.shape != grid.shape or margin.shape != grid.shape:
            raise ValueError(f"masks have shapes {tumour.shape} and {margin.shape}, the grid {grid.shape}")
    check_names()
    prepared = [_prepared(outline, grid.spacing_xyz_mm, settings) for outline in outlines]
    usable = [item for item in prepared if not isinstance(item, UnsuitableStudyError)]
    measured = iter(_all_sequences(registered, usable, settings) if usable else [])
    return tuple(item if isinstance(item, UnsuitableStudyError) else next(measured) for item in prepared)


def _prepared(
    outline: Outline, spacing_xyz_mm: FloatArray, settings: RadiomicsSettings
) -> Prepared | UnsuitableStudyError:
    try:
        regions = [Region(name, mask, spacing_xyz_mm) for name, mask in zip(REGIONS, outline, strict=True)]
        with quiet_pyradiomics():
            return regions, [region.shape(settings) for region in regions]
    except UnsuitableStudyError as error:
        return error


def _all_sequences(
    registered: Mapping[Role, Volume], outlines: list[Prepared], settings: RadiomicsSettings
) -> list[FeatureVector | UnsuitableStudyError]:
    of_these = partial(_features_of, outlines=outlines, settings=settings)
    volumes = {role: registered[role] for role in Role}
    if settings.processes == 1:
        parts = of_these(volumes)
    else:
        # Spawned: the thread pool of ITK does not survive a fork (InsightSoftwareConsortium/ITK#2069).
        with ProcessPoolExecutor(settings.processes, mp_context=get_context("spawn")) as pool:
            parts = [part for (part,) in pool.map(of_these, [{role: volumes[role]} for role in Role])]
    names = feature_names(settings)
    found: list[FeatureVector | UnsuitableStudyError] = []
    for of_outline in zip(*parts, strict=True):
        errors = [part for part in of_outline if isinstance(part, UnsuitableStudyError)]
        found.append(errors[0] if errors else FeatureVector(names, np.concatenate(of_outline)))
    return found


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


def _features_of(
    volumes: Mapping[Role, Volume], *, outlines: list[Prepared], settings: RadiomicsSettings
) -> list[list[list[float] | UnsuitableStudyError]]:
    """Compute 2 x 1,228 values of each sequence for each outline, or why one has none.

    Every filtered image is made once and read by all regions.
    """
    boxes = [region.box for regions, _ in outlines for region in regions]
    union = Box(
        tuple(np.min([box.start for box in boxes], axis=0).tolist()),
        tuple(np.max([box.stop for box in boxes], axis=0).tolist()),
    )
    with quiet_pyradiomics():
        return [
            _sequence_features(sequence, union, outlines, settings)
            for sequence in filtered_ahead(volumes, union, settings)
        ]


def _sequence_features(
    sequence: Filtered, union: Box, outlines: list[Prepared], settings: RadiomicsSettings
) -> list[list[float] | UnsuitableStudyError]:
    rows = [[list(shape) for shape in shapes] for _, shapes in outlines]
    refused: dict[int, UnsuitableStudyError] = {}
    for name, array in sequence.images:
        for n, (regions, _) in enumerate(outlines):
            try:
                for region, row in zip(regions, rows[n], strict=True) if n not in refused else ():
                    inside = array[region.box.within(union).slices]
                    row.extend(region.features(name, inside, settings, sequence=sequence.role))
            except UnsuitableStudyError as error:
                refused[n] = error
        if len(refused) == len(outlines):
            break
    intensities = sequence.intensities()
    for (regions, _), of_outline in zip(outlines, rows, strict=True):
        for region, row in zip(regions, of_outline, strict=True):
            row.extend([*intensities, float(region.voxels), float(region.component_count())])
    return [refused.get(n) or [value for row in of_outline for value in row] for n, of_outline in enumerate(rows)]
