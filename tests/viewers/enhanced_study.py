"""A study whose series is one Enhanced MR object as a scanner writes it, and the results of a known lesion."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage

from dicom_io.assembly.match_result import MatchResult, RoleMatch, SourceInstance
from dicom_io.phantom.identity import PhantomIdentity
from dicom_io.phantom.plan import Parameters, Part, SeriesKind, SeriesPlan, StudyPlan, Technique
from dicom_io.phantom.vendors import DIALECTS
from dicom_io.phantom.writing import write_study
from dicom_io.results import WrittenResults, write_results
from pipeline.analysis import Analysis
from pipeline.study import FIXED_ROLE, Role
from pipeline.volume import Volume
from tests.unit.dicom_io.results.synthetic_study import make_analysis, make_grid

NOW = datetime(2026, 1, 3, 12, 0, 0, tzinfo=UTC)
SHAPE = (15, 48, 60)
HEPATOBILIARY_S = 1200.0
GRADIENT_ECHO = Parameters(Technique.SPOILED_3D, 3.0, 1.4, 12.0)


@dataclass(frozen=True, eq=False)
class EnhancedStudy:
    """One Enhanced MR object of a Philips scanner, and the results of a lesion that was put there by hand.

    Parameters
    ----------
    source
        File of the object: the hepatobiliary phase, a frame a slice.
    frame_numbers
        Of the slices, by k.
    results
        SEG, SR and page.
    analysis
        Where the lesion is: the viewer is compared with this and not with the SEG.
    """

    source: Path
    frame_numbers: tuple[int, ...]
    results: WrittenResults
    analysis: Analysis

    def image(self) -> Dataset:
        """Return what tells rows, columns and spacing of any frame."""
        ds = pydicom.dcmread(self.source, stop_before_pixels=True)
        ds.PixelSpacing = self.analysis.lesion_map.grid.spacing_xyz_mm[[1, 0]].tolist()
        return ds


def write_enhanced_study(folder: Path) -> EnhancedStudy:
    """Write the object and its results."""
    analysis = make_analysis(make_grid(shape=SHAPE))
    stored = analysis.registered[FIXED_ROLE]
    volume = Volume(np.rint(4 * stored.array).astype(np.float32), stored.grid)
    series = SeriesPlan(
        SeriesKind.T1_HEPATOBILIARY, 8, GRADIENT_ECHO, (Part(volume, HEPATOBILIARY_S, FIXED_ROLE),)
    )
    identity, dialect = PhantomIdentity(1, "viewers/enhanced"), DIALECTS["philips-enhanced"]
    frames = write_study(StudyPlan((series,)), folder / "in", identity, dialect, 1.5)
    by_slice = sorted(frames, key=lambda frame: frame.slice_index)
    numbers = tuple(frame.frame_number for frame in by_slice if frame.frame_number is not None)
    first = frames[0]
    instance = SourceInstance(first.path, EnhancedMRImageStorage, first.sop_instance_uid)
    # The six roles share the object: the viewer shows one.
    roles = {
        role: RoleMatch(role, first.series_instance_uid, 8, "hepatobiliary", (instance,), numbers, 9.0, None, ())
        for role in Role
    }
    match = MatchResult(
        first.study_instance_uid, "accepted", None, "All roles.", "", roles, (), "AcquisitionTime", "measured"
    )
    return EnhancedStudy(first.path, numbers, write_results(match, analysis, folder / "out", now=NOW), analysis)
