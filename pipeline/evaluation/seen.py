"""Which patients of a cohort its segmentation learnt from, wherever that was."""

from pathlib import Path

from pipeline.training.extraction import FEATURES
from pipeline.training.manifest import CohortManifest
from pipeline.training.parquet import PARQUET, read_parquet
from pipeline.training.sources import Sources
from pipeline.training.teachers import TEACHERS, taught_among


def who_taught(manifest: CohortManifest, sources: Sources, work: Path) -> set[str] | None:
    """Return the names of the cases that the segmentation learnt from; None where nobody can tell.

    A segmentation that is taken over may have learnt from the very patients: the images tell, not the cohort file.

    Parameters
    ----------
    manifest, sources
        Cohort file and its cases.
    work
        Folder that `cohort extract` filled.
    """
    found = _noted(work, [source.name for source in sources.classifier])
    own = manifest.bundle.segmentation_of is None
    if found is None and not own and manifest.cohort.kind != "phantom":
        return None
    # What the file says of its own segmentation holds also where extraction is older than these notes.
    return {*(found or ()), *(source.name for source in sources.segmentation if own)}


def _noted(work: Path, cases: list[str]) -> list[str] | None:
    if (work / FEATURES / TEACHERS).is_file():
        return taught_among(work / FEATURES, cases)
    if not (work / PARQUET).is_file():
        return None
    _, provenance = read_parquet(work / PARQUET)
    return provenance.get("taught_segmentation")
