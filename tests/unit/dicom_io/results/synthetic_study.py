"""A small six-sequence study on disk, and an analysis of it made by hand."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

from dicom_io.assembly.match_result import Evidence, MatchResult, RoleMatch, SourceInstance
from dicom_io.results.written import WrittenResults
from pipeline.analysis import (
    Analysis,
    Classifier,
    FeatureEvidence,
    GateOutcome,
    Lesion,
    ModelIdentity,
    RegistrationOutcome,
    Risk,
    RiskCategory,
)
from pipeline.geometry import FloatArray, Grid
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role
from pipeline.volume import LabelMap, Volume

STUDY_UID = "1.2.826.0.1.3680043.8.498.1"
FRAME_OF_REFERENCE_UID = "1.2.826.0.1.3680043.8.498.2"
MODEL = ModelIdentity("phantom-demo", "1.0.0", "ab" * 32, "demonstration: not for patients")

AXIAL = np.eye(3)


def _rotation(axis: int, degrees: float) -> FloatArray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = [n for n in range(3) if n != axis]
    matrix = np.eye(3)
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
    return matrix


DIRECTIONS: Mapping[str, FloatArray] = {
    "axial": AXIAL,
    "oblique": _rotation(0, 17.0) @ _rotation(2, 9.0) @ _rotation(1, -6.0),
    "feet first": np.diag([-1.0, 1.0, -1.0]),
    "decubitus": _rotation(2, 90.0),
    "flipped": np.diag([-1.0, 1.0, 1.0]),
    "slices downwards": np.diag([1.0, 1.0, -1.0]),
    "coronal": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
}


def make_grid(direction: FloatArray = AXIAL, shape: tuple[int, int, int] = (7, 24, 30)) -> Grid:
    return Grid(shape, np.array([2.1, 1.7, 5.0]), np.array([-31.25, 17.5, -120.0]), direction)


def make_match(
    folder: Path,
    grid: Grid,
    *,
    enhanced: bool = False,
    edit: Callable[[Dataset], None] = lambda _: None,
) -> MatchResult:
    """Write six series; the hepatobiliary one lies on `grid`, the others are a slice each."""
    folder.mkdir(parents=True, exist_ok=True)
    roles: dict[Role, RoleMatch] = {}
    for number, role in enumerate(Role, 1):
        write = _enhanced if enhanced and role is FIXED_ROLE else _classic
        slices = range(grid.shape[0]) if role is FIXED_ROLE else range(1)
        instances, frames = write(folder, role, number, grid, slices, edit)
        roles[role] = RoleMatch(
            role,
            f"{STUDY_UID}.{number}",
            number,
            f"series of {role.value}",
            instances,
            frames,
            9.5,
            None,
            (Evidence("physics", "(0018,0081)", "90", 4.0),),
        )
    return MatchResult(
        STUDY_UID, "accepted", None, "All six roles are filled.", "", roles, (), "AcquisitionTime", "measured"
    )


def _base(role: Role, number: int, grid: Grid) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName, ds.PatientID = "Doe^Jane", "P1"
    ds.PatientBirthDate, ds.PatientSex = "19600102", "F"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY_UID, f"{STUDY_UID}.{number}"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20260102", "101500", "S1", "A1"
    ds.ReferringPhysicianName = "Referrer^Some"
    ds.Modality, ds.Manufacturer = "MR", "GE MEDICAL SYSTEMS"
    ds.SeriesNumber, ds.SeriesDescription = number, f"series of {role.value}"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = FRAME_OF_REFERENCE_UID, ""
    ds.Rows, ds.Columns = grid.shape[1:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    return ds


def _decimals(values: npt.ArrayLike) -> list[str]:
    return [f"{value:.9g}" for value in np.asarray(values)]


def _save(ds: Dataset, path: Path, frames: int) -> None:
    ds.PixelData = bytes(2 * ds.Rows * ds.Columns * frames)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)


def _classic(
    folder: Path, role: Role, number: int, grid: Grid, slices: range, edit: Callable[[Dataset], None]
) -> tuple[tuple[SourceInstance, ...], None]:
    instances = []
    for k in slices:
        ds = _base(role, number, grid)
        ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, f"{STUDY_UID}.{number}.{k + 1}"
        ds.InstanceNumber = k + 1
        ds.ImagePositionPatient = _decimals(grid.to_lps_mm([0, 0, k]))
        ds.ImageOrientationPatient = _decimals(grid.direction.T[:2].ravel())
        ds.PixelSpacing = _decimals(grid.spacing_xyz_mm[[1, 0]])
        ds.SliceThickness = "5"
        edit(ds)
        path = folder / f"{role.value}_{k}.dcm"
        _save(ds, path, 1)
        instances.append(SourceInstance(path, str(ds.SOPClassUID), ds.SOPInstanceUID))
    return tuple(instances), None


def _enhanced(
    folder: Path, role: Role, number: int, grid: Grid, slices: range, edit: Callable[[Dataset], None]
) -> tuple[tuple[SourceInstance, ...], tuple[int, ...]]:
    """Write one Enhanced MR object that holds another phase first, as dynamic acquisitions do."""
    ds = _base(role, number, grid)
    ds.SOPClassUID, ds.SOPInstanceUID = EnhancedMRImageStorage, f"{STUDY_UID}.{number}.1"
    ds.InstanceNumber = 1
    count = len(slices)
    ds.NumberOfFrames = 2 * count
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = _decimals(grid.spacing_xyz_mm[[1, 0]]), "5"
    shared.PixelMeasuresSequence = [measures]
    ds.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for k in (*slices, *slices):
        position, orientation, group = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = _decimals(grid.to_lps_mm([0, 0, k]))
        orientation.ImageOrientationPatient = _decimals(grid.direction.T[:2].ravel())
        group.PlanePositionSequence, group.PlaneOrientationSequence = [position], [orientation]
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = groups
    edit(ds)
    path = folder / f"{role.value}.dcm"
    _save(ds, path, 2 * count)
    frames = tuple(range(count + 1, 2 * count + 1))
    return (SourceInstance(path, str(ds.SOPClassUID), ds.SOPInstanceUID),), frames


def ball(grid: Grid, centre_ijk: tuple[float, float, float], radius_mm: float) -> npt.NDArray[np.bool_]:
    k, j, i = np.indices(grid.shape)
    offset = (np.stack([i, j, k], axis=-1) - np.array(centre_ijk)) * grid.spacing_xyz_mm
    inside: npt.NDArray[np.bool_] = np.linalg.norm(offset, axis=-1) <= radius_mm
    return inside


def make_analysis(
    grid: Grid, lesions: int = 1, *, calibrated: bool = True, warnings: tuple[str, ...] = ()
) -> Analysis:
    """Make an analysis whose lesions are asymmetric within the grid, so that a flip shows."""
    nx, ny, nz = grid.shape[::-1]
    centres = ((nx * 0.36, ny * 0.42, nz * 0.4), (nx * 0.72, ny * 0.7, nz * 0.75))[:lesions]
    radii = (0.16 * nx * grid.spacing_xyz_mm[0], 0.1 * nx * grid.spacing_xyz_mm[0])
    tumour, margin = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
    for n, (centre, radius) in enumerate(zip(centres, radii, strict=False), 1):
        tumour[ball(grid, centre, radius) & (tumour == 0)] = n
    for n, (centre, radius) in enumerate(zip(centres, radii, strict=False), 1):
        margin[ball(grid, centre, radius + 5.0) & (tumour == 0) & (margin == 0)] = n
    liver = ball(grid, (nx * 0.45, ny * 0.5, nz * 0.5), 0.42 * nx * grid.spacing_xyz_mm[0]) | (tumour > 0)
    found = tuple(
        Lesion(n, 21.234567, float((tumour == n).sum() * grid.voxel_volume_mm3 / 1000), (1.0, 2.0, 3.0))
        for n in range(1, lesions + 1)
    )
    rng = np.random.default_rng(7)
    registered = {
        role: Volume(
            (100 + 80 * liver + 60 * (tumour > 0) + rng.normal(0, 6, grid.shape)).astype(np.float32), grid
        )
        for role in Role
    }
    contributions = {
        (role, region): 0.1 * (n + 1) * (-1) ** n
        for n, (role, region) in enumerate((role, region) for role in Role for region in ("tumour", "margin"))
    }
    return Analysis(
        liver_map=LabelMap(liver.astype(np.uint8), grid),
        lesion_map=LabelMap(tumour, grid),
        margin_map=LabelMap(margin, grid),
        lesions=found,
        risk=Risk(
            0.623456, (0.48, 0.74), RiskCategory.HIGH, 0.5, calibrated, Classifier.RADIOMICS_AND_CLINICAL, (), 0.81
        )
        if lesions
        else None,
        registrations={
            role: RegistrationOutcome(np.eye(4), (1.0, -2.0, 0.5), (0.1, 0.0, -1.2), -0.41, -0.3)
            for role in MOVING_ROLES
        },
        registered=registered,
        features=FeatureEvidence(14736, "cd" * 32, contributions) if lesions else None,
        gates=(GateOutcome("liver_volume", True, 1500.0, 300.0), GateOutcome("liver_coverage", True, 1.0, 0.9)),
        clinical_used={"ast_u_per_l": 41.0, "hbcab_positive": 1.0, "tumour_size_mm": 21.2} if lesions else {},
        model=MODEL,
        timing_s={"register": 6.0, "segment": 9.7},
        warnings=warnings,
    )


def texts(report: Dataset) -> list[str]:
    """List every text, code meaning and number of a structured report, in reading order."""
    found: list[str] = []
    for item in report.get("ContentSequence", []):
        if item.ValueType == "TEXT":
            found.append(item.TextValue)
        elif item.ValueType == "CODE":
            found.append(f"{item.ConceptCodeSequence[0].CodeValue} {item.ConceptCodeSequence[0].CodeMeaning}")
        elif item.ValueType == "NUM":
            value = item.MeasuredValueSequence[0]
            unit = value.MeasurementUnitsCodeSequence[0].CodeValue
            found.append(f"{item.ConceptNameCodeSequence[0].CodeValue}={float(value.NumericValue):g} {unit}")
        found.extend(texts(item))
    return found


def read_report(written: WrittenResults) -> Dataset:
    """Read the structured report of a result that has one."""
    assert written.sr is not None
    return dcmread(written.sr)
