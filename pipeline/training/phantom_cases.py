"""Training cases from phantoms: every sequence on the working grid by its true transform."""

from pathlib import Path

from pipeline.model_bundle import PipelineSettings
from pipeline.phantom import PhantomSettings, make_case
from pipeline.resampling import resample, resample_labels
from pipeline.segmentation import normalise
from pipeline.study import FIXED_ROLE
from pipeline.training.case_store import write_case


def case_folder(cases: Path, seed: int) -> Path:
    """Name the folder of the phantom of `seed`."""
    return cases / f"phantom-{seed:06d}"


def write_phantom_case(folder: Path, seed: int, settings: PipelineSettings) -> None:
    """Make one phantom and write it as a training case; nothing where it is there already.

    Parameters
    ----------
    folder
        Of the case.
    seed
        Of the phantom; also chooses its field strength, so that both occur.
    settings
        Working grid and normalisation.
    """
    if folder.exists():
        return
    field_strength_t = 1.5 if seed % 4 == 0 else 3.0
    case = make_case(seed, settings=PhantomSettings(field_strength_t=field_strength_t, with_distractors=False))
    grid = case.study.volumes[FIXED_ROLE].grid.with_spacing(settings.working_spacing_xyz_mm)
    transforms = case.truth.transforms_lps_mm
    channels = {
        role: resample(volume, grid, transforms.get(role) if role is not FIXED_ROLE else None)
        for role, volume in case.study.volumes.items()
    }
    stacked, body = normalise(channels, settings.segmentation.normalisation)
    labels = resample_labels(case.truth.label_map, grid)
    write_case(folder, stacked, labels.array, body, grid.spacing_xyz_mm[::-1])
