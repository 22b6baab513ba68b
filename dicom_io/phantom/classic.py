"""One series as MR Image Storage instances (PS3.3 A.4), one a slice."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.uid import MRImageStorage

from dicom_io.phantom.common import (
    decimal,
    decimals,
    orientation,
    series_elements,
    stored,
    window,
    write_acquisition,
    write_pixel_format,
)
from dicom_io.phantom.dialect import Dialect, Slice
from dicom_io.phantom.encoding import Encoder
from dicom_io.phantom.identity import PhantomIdentity
from dicom_io.phantom.plan import Part, SeriesPlan, StudyPlan
from pipeline.geometry import Grid
from pipeline.study import Role


@dataclass(frozen=True)
class WrittenFrame:
    """One image as it was written.

    Parameters
    ----------
    frame_number
        From 1 in a multi-frame instance, else None.
    slice_index
        k on the grid of its volume.
    role
        Which the volume fills, if any.
    """

    path: Path
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    frame_number: int | None
    slice_index: int
    role: Role | None


@dataclass(frozen=True)
class Destination:
    """What every series of a study is written with.

    Parameters
    ----------
    folder
        Where the series' folders go.
    field_strength_t
        T.
    """

    folder: Path
    study: StudyPlan
    identity: PhantomIdentity
    dialect: Dialect
    field_strength_t: float
    encoder: Encoder

    def shared(self, plan: SeriesPlan) -> Dataset:
        """Return what the instances of a series share."""
        return series_elements(plan, self.study, self.identity, self.dialect, self.field_strength_t)

    def subfolder(self, plan: SeriesPlan) -> Path:
        """Return the folder of a series, made where absent."""
        folder = self.folder / f"s{plan.number:04d}{plan.examination}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def volume_elements(image: Slice, to: Destination) -> Dataset:
    """Return what the slices of a volume share beside what its series does."""
    plan, ds = image.plan, Dataset()
    ds.SOPClassUID = MRImageStorage
    _write_plane(ds, image.part.volume.grid)
    write_pixel_format(ds, _pixels(image).shape, signed=to.dialect.signed)
    if image.part.te_ms is not None:
        ds.EchoTime = image.part.te_ms
        ds.EchoNumbers = sorted({part.te_ms for part in plan.parts if part.te_ms}).index(image.part.te_ms) + 1
    ds.ImageType = list(to.dialect.image_type(image))
    to.dialect.write(ds, image)
    ds.WindowCenter, ds.WindowWidth = window(float(image.part.volume.array.max()))
    return ds


def slice_elements(image: Slice, to: Destination) -> Dataset:
    """Return what is an image's own."""
    ds = Dataset()
    ds.SOPInstanceUID = to.identity.uid("instance", *image.plan.uid_parts, str(image.number))
    ds.InstanceNumber = image.number
    if not image.tiled:
        grid = image.part.volume.grid
        position = grid.to_lps_mm([0, 0, image.k])
        ds.ImagePositionPatient = decimals(position.tolist())
        ds.SliceLocation = decimal(float(position @ grid.direction[:, 2]))
    to.dialect.write_slice(ds, image)
    return ds


def pixels_of(image: Slice, to: Destination) -> bytes:
    """Return the pixels of an image as stored."""
    return stored(_pixels(image), signed=to.dialect.signed)


def write_classic(plan: SeriesPlan, to: Destination) -> list[WrittenFrame]:
    """Write every instance of a series."""
    shared = to.shared(plan)
    write_acquisition(shared, plan, to.dialect, to.field_strength_t)
    common = to.encoder.encode(shared)
    folder = to.subfolder(plan)
    volumes: dict[Part, dict[int, bytes]] = {}
    written = []
    for image in slices_of(plan, to):
        if image.part not in volumes:
            volumes[image.part] = {**common, **to.encoder.encode(volume_elements(image, to))}
        own = slice_elements(image, to)
        path = folder / f"i{image.number:04d}{plan.key}.dcm"
        to.encoder.write(path, volumes[image.part] | to.encoder.encode(own), pixels_of(image, to))
        uids = (shared.StudyInstanceUID, shared.SeriesInstanceUID, own.SOPInstanceUID)
        written.append(WrittenFrame(path, *uids, None, image.k, image.part.role))
    return written


def slices_of(plan: SeriesPlan, to: Destination) -> Iterator[Slice]:
    """Yield the images of a series in the order of their numbers; what the plan omits takes a number as well."""
    order = [
        (part, k) for part in plan.parts for k in _slice_order(part, superior_first=to.dialect.superior_first)
    ]
    if plan.interleaved:
        order.sort(key=lambda item: -item[1] if to.dialect.superior_first else item[1])
    first = Slice(plan, plan.parts[0], 0, 1, 1, len(order), to.identity, to.study.quirks)
    if first.tiled:
        order = [(part, 0) for part in plan.parts]
    for number, (part, k) in enumerate(order, start=1):
        if k not in plan.omit:
            yield replace(first, part=part, k=k, number=number, slices=part.volume.grid.shape[0])


def _slice_order(part: Part, *, superior_first: bool) -> range:
    slices = part.volume.grid.shape[0]
    return range(slices - 1, -1, -1) if superior_first else range(slices)


def _write_plane(ds: Dataset, grid: Grid) -> None:
    rows, columns = grid.shape[1:]
    x, y, z = grid.spacing_xyz_mm
    ds.PixelSpacing = decimals([y, x])
    ds.SliceThickness = ds.SpacingBetweenSlices = decimal(z)
    ds.ImageOrientationPatient = orientation(grid)
    ds.ReconstructionDiameter = decimal(float(columns * x))
    ds.AcquisitionMatrix = [0, columns, rows, 0]
    ds.PercentSampling = ds.PercentPhaseFieldOfView = 100


def _pixels(image: Slice) -> np.ndarray:
    return _tiled(image.part.volume.array) if image.tiled else image.part.volume.array[image.k]


def _tiled(array: np.ndarray) -> np.ndarray:
    """Lay the slices out in a square of tiles, row by row."""
    slices, rows, columns = array.shape
    side = int(np.ceil(np.sqrt(slices)))
    canvas = np.zeros((side * rows, side * columns), array.dtype)
    for k in range(slices):
        i, j = divmod(k, side)
        canvas[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns] = array[k]
    return canvas
