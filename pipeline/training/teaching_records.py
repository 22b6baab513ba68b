"""What a cohort file said of each case that the segmentation learns from.

Like features, training cases are named by their place in the file: after a line was inserted, a folder of that
name would hold another patient's image and labels, and a network that learnt from it would be passed off as one of
this cohort.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipeline.training.errors import TrainingError
from pipeline.training.making import RECORD
from pipeline.training.sources import Source

TAUGHT: Final = "taught_with.json"
"""In the folder of the segmentation: by the name of each case, what the file states of its images and labels."""


def require_same_lessons(cases: Path, segmentation: Path, sources: Sequence[Source]) -> list[str]:
    """Check that training cases and weights are of what the cohort file says now, and note it.

    Parameters
    ----------
    cases, segmentation
        Folders of the training cases, and of checkpoint and weights.
    sources
        Those that the segmentation learns from or is held up against.

    Returns
    -------
    list[str]
        Names of training cases that were removed, since they are of other images or labels; they are written anew.

    Raises
    ------
    TrainingError
        A network has learnt from others already.
    """
    path, wanted = segmentation / TAUGHT, {source.name: source.lesson for source in sources}
    stored = _stored(path)
    if stored is None:
        # A folder of earlier software: what it learnt from nobody noted.
        _write(path, wanted)
        return []
    differing = sorted(name for name in stored.keys() | wanted.keys() if stored.get(name) != wanted.get(name))
    if not differing:
        return []
    if any(file.name not in {RECORD, TAUGHT} for file in segmentation.iterdir()):
        raise TrainingError(
            f"the segmentation in {segmentation} learnt from other cases than the cohort file names now: "
            f"{len(differing)} differ in images or labels, are new or are gone ({differing[0]} first). Restore "
            "these lines, or name an empty folder with --work"
        )
    stale = [name for name in differing if (cases / name).exists()]
    for name in stale:
        shutil.rmtree(cases / name)
    # Last: where this is cut short, the next call removes the rest.
    _write(path, wanted)
    return stale


def _stored(path: Path) -> dict[str, str] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _write(path: Path, wanted: dict[str, str]) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    draft.rename(path)
