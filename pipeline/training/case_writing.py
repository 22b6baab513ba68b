"""A source to a training case of the segmentation: six sequences and labels on the working grid, normalised."""

from pathlib import Path

from pipeline.aligned import align, working_grid
from pipeline.model_bundle import PipelineSettings
from pipeline.resampling import resample, resample_labels
from pipeline.segmentation.normalisation import normalise
from pipeline.study import FIXED_ROLE, Role
from pipeline.training.case_store import write_case
from pipeline.training.errors import TrainingError
from pipeline.training.sources import LoadedCase, Source
from pipeline.training.teachers import image_digest
from pipeline.volume import Volume


def write_training_case(folder: Path, source: Source, settings: PipelineSettings) -> None:
    """Load one case and write it for training; nothing where it is there already.

    Phantoms are aligned by their true transforms, patients by the registration of the pipeline. What registration
    leaves is imitated while training.

    Raises
    ------
    TrainingError
        The case has no labels.
    """
    if folder.exists():
        return
    case = source.load()
    if case.label_map is None:
        raise TrainingError(f"{source.name} has no labels")
    stacked, body = normalise(_aligned(case, settings), settings.segmentation.normalisation)
    grid = working_grid(case.study.volumes[FIXED_ROLE].grid, settings)
    labels = resample_labels(case.label_map, grid)
    write_case(folder, stacked, labels.array, body, grid.spacing_xyz_mm[::-1], image_digest(case.study))


def _aligned(case: LoadedCase, settings: PipelineSettings) -> dict[Role, Volume]:
    transforms = case.transforms_lps_mm
    if transforms is None:
        return dict(align(case.study, settings).registered)
    grid = working_grid(case.study.volumes[FIXED_ROLE].grid, settings)
    return {
        role: resample(volume, grid, None if role is FIXED_ROLE else transforms[role])
        for role, volume in case.study.volumes.items()
    }
