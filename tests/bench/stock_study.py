"""The baseline of `bench_study`: the stages as a careful programmer first writes them with the stock libraries.

Whole volumes, one thing after the other, the libraries' own defaults; working grid, network, features and rules of
lesions are ours, so that both do the same work.
"""

import logging
import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
import torch
from pydicom.sr.codedict import codes

from pipeline.features import FeatureVector
from pipeline.geometry import Grid
from pipeline.model_bundle import ModelBundle
from pipeline.radiomics.names import REGIONS, region_names
from pipeline.radiomics.settings import RadiomicsSettings
from pipeline.resampling import to_sitk
from pipeline.segmentation.backends import build_network
from pipeline.segmentation.network import load_weights
from pipeline.segmentation.normalisation import normalise
from pipeline.segmentation.patches import gaussian_weights, windows
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role
from pipeline.volume import Volume

Mask = npt.NDArray[np.bool_]
PARAMETER_FILE = Path(__file__).parents[2] / "config" / "radiomics.yaml"


def assemble(files: Mapping[Role, Sequence[Path]]) -> dict[Role, sitk.Image]:
    """Read the slices of each role, whose files are known, sort them along the normal and stack them."""
    images = {}
    for role, paths in files.items():
        slices = [pydicom.dcmread(path) for path in paths]
        row, column = np.reshape(np.array(slices[0].ImageOrientationPatient, float), (2, 3))
        normal = np.cross(row, column)
        slices.sort(key=lambda item: float(np.dot(normal, np.array(item.ImagePositionPatient, float))))
        first, last = (np.array(slices[n].ImagePositionPatient, float) for n in (0, -1))
        step = float(np.linalg.norm(last - first)) / (len(slices) - 1)
        between_rows, between_columns = (float(value) for value in slices[0].PixelSpacing)
        array = np.stack([item.pixel_array for item in slices]).astype(np.float32)
        direction = np.stack([row, column, normal], axis=1)
        grid = Grid(array.shape, np.array([between_columns, between_rows, step]), first, direction)
        images[role] = to_sitk(array, grid)
    return images


def register(
    images: Mapping[Role, sitk.Image], grid: Grid
) -> tuple[dict[Role, Volume], dict[Role, npt.NDArray[np.float64]]]:
    """Run elastix with its default rigid map for each pair, then bring each result to the working grid.

    Returns
    -------
    volumes
        On `grid`.
    transforms
        4 x 4, from the hepatobiliary phase to the sequence, LPS mm.
    """
    import itk  # noqa: PLC0415 - slow

    fixed = _itk_image(itk, images[FIXED_ROLE])
    aligned, transforms = {FIXED_ROLE: images[FIXED_ROLE]}, {}
    for role in MOVING_ROLES:
        parameters = itk.ParameterObject.New()
        parameters.AddParameterMap(parameters.GetDefaultParameterMap("rigid"))
        result, found = itk.elastix_registration_method(
            fixed, _itk_image(itk, images[role]), parameter_object=parameters, log_to_console=False
        )
        aligned[role] = sitk.GetImageFromArray(itk.array_from_image(result))
        aligned[role].CopyInformation(images[FIXED_ROLE])
        transforms[role] = _matrix(found.GetParameterMap(0))
    return {role: Volume(_on(aligned[role], grid), grid) for role in Role}, transforms


def _matrix(parameters: Mapping[str, Sequence[str]]) -> npt.NDArray[np.float64]:
    numbers = [float(text) for text in parameters["TransformParameters"]]
    centre = [float(text) for text in parameters["CenterOfRotationPoint"]]
    transform = sitk.Euler3DTransform(centre, *numbers[:3], numbers[3:])
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    return matrix


def _itk_image(itk: Any, image: sitk.Image) -> Any:
    copy = itk.image_from_array(sitk.GetArrayFromImage(image))
    copy.SetSpacing(image.GetSpacing())
    copy.SetOrigin(image.GetOrigin())
    copy.SetDirection(np.reshape(image.GetDirection(), (3, 3)))
    return copy


def _on(image: sitk.Image, grid: Grid) -> npt.NDArray[np.float32]:
    reference = to_sitk(np.zeros(grid.shape, np.uint8), grid)
    array: npt.NDArray[np.float32] = sitk.GetArrayFromImage(sitk.Resample(image, reference, sitk.Transform(3, 1)))
    return array.astype(np.float32)


def segment(registered: Mapping[Role, Volume], bundle: ModelBundle) -> npt.NDArray[np.uint8]:
    """Slide eager PyTorch over the whole volume; 0 elsewhere, 1 liver, 2 tumour, (k, j, i)."""
    settings = bundle.settings.segmentation
    stacked, body = normalise(registered, settings.normalisation)
    network = build_network(settings)
    load_weights(network, bundle.segmentation_weights)
    network.eval()
    margin = [(0, max(0, p - n)) for n, p in zip(body.shape, settings.patch_kji, strict=True)]
    padded = np.pad(stacked, [(0, 0), *margin])
    weights = gaussian_weights(settings.patch_kji)
    total, share = np.zeros((3, *padded.shape[1:]), np.float32), np.zeros(padded.shape[1:], np.float32)
    with torch.no_grad():
        for window in windows(padded.shape[1:], settings.patch_kji, settings.stride_kji):
            patch = torch.from_numpy(np.ascontiguousarray(padded[(slice(None), *window)]))[None]
            total[(slice(None), *window)] += torch.softmax(network(patch), dim=1)[0].numpy() * weights
            share[window] += weights
    labels: npt.NDArray[np.uint8] = (
        (total / share).argmax(axis=0).astype(np.uint8)[tuple(slice(0, n) for n in body.shape)]
    )
    labels[~body] = 0
    return labels


def extract(registered: Mapping[Role, Volume], tumour: Mask, margin: Mask) -> FeatureVector:
    """Call the extractor of pyradiomics twelve times on the full images, without its ``preCrop``."""
    from radiomics.featureextractor import RadiomicsFeatureExtractor  # noqa: PLC0415 - logs at import

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    every, names, values = region_names(RadiomicsSettings()), [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of pykwalify, and divisions by zero.
        extractor = RadiomicsFeatureExtractor(str(PARAMETER_FILE))
        for role, (region, mask) in product(Role, zip(REGIONS, (tumour, margin), strict=True)):
            image = to_sitk(registered[role].array, registered[role].grid)
            found = extractor.execute(image, to_sitk(mask.astype(np.uint8), registered[role].grid))
            names += [f"{role}_{region}_{name}" for name in every]
            values += [float(found[name]) for name in every]
    return FeatureVector(tuple(names), np.array(values))


def report(files: Mapping[Role, Sequence[Path]], lesion: Mask, out: Path) -> None:
    """Write SEG and SR with highdicom, every source image in the image library, and no summary page.

    Parameters
    ----------
    lesion
        (k, j, i) on the grid of the hepatobiliary series, slices along the normal.
    """
    series = {role: [pydicom.dcmread(path) for path in paths] for role, paths in files.items()}
    fixed = series[FIXED_ROLE]
    row, column = np.reshape(np.array(fixed[0].ImageOrientationPatient, float), (2, 3))
    normal = np.cross(row, column)
    fixed.sort(key=lambda item: float(np.dot(normal, np.array(item.ImagePositionPatient, float))))
    device: dict[str, Any] = {
        "manufacturer": "baseline",
        "manufacturer_model_name": "baseline",
        "software_versions": "1",
        "device_serial_number": "1",
    }
    algorithm = hd.AlgorithmIdentificationSequence("baseline", codes.DCM.ArtificialIntelligence, "1")
    description = hd.seg.SegmentDescription(
        1, "Lesion", codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Lesion, "AUTOMATIC", algorithm
    )
    seg = hd.seg.Segmentation(
        fixed,
        lesion[..., None],
        "BINARY",
        [description],
        hd.UID(),
        100,
        hd.UID(),
        1,
        omit_empty_frames=True,
        **device,
    )
    seg.save_as(out / "seg.dcm")
    observer = hd.sr.ObserverContext(
        codes.DCM.Device, hd.sr.DeviceObserverIdentifyingAttributes(hd.UID(), name="baseline")
    )
    measured = hd.sr.Measurement(codes.SCT.Volume, 1.0, codes.UCUM.CubicCentimeter)
    group = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        hd.sr.TrackingIdentifier(hd.UID(), "Lesion 1"),
        referenced_segment=hd.sr.ReferencedSegment(
            seg.SOPClassUID,
            seg.SOPInstanceUID,
            1,
            source_series=hd.sr.SourceSeriesForSegmentation(fixed[0].SeriesInstanceUID),
        ),
        measurements=[measured],
    )
    images = [item for slices in series.values() for item in slices]
    content = hd.sr.MeasurementReport(
        hd.sr.ObservationContext(observer_device_context=observer),
        codes.LN.CTUnspecifiedBodyRegion,
        [group],
        referenced_images=images,
    )
    document = hd.sr.Comprehensive3DSR(
        [*images, seg], content, hd.UID(), 101, hd.UID(), 1, manufacturer="baseline", is_complete=True
    )
    document.save_as(out / "sr.dcm")
