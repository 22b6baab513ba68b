"""What a cohort file said of each case when its features were extracted.

A case is named by its place in the file. A line that is corrected, inserted or taken out must not leave the
features and the outcome of another patient under its name.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pipeline.training.errors import TrainingError
from pipeline.training.sources import PhantomSource, Source

RECORD: Final = ".case.json"


def discard_changed(folder: Path, sources: Iterable[Source]) -> list[str]:
    """Remove what was extracted of cases that the file now describes otherwise, and note what it says.

    Parameters
    ----------
    folder
        Of the features.
    sources
        Cases of the cohort file.

    Returns
    -------
    list[str]
        Names of the cases of which something was removed.
    """
    changed = []
    for source in sources:
        path = folder / f"{source.name}{RECORD}"
        if _is_same(path, source):
            if not path.exists():
                _note(path, source)
            continue
        old = [file for file in folder.glob(f"{source.name}.*") if file != path]
        for file in old:
            file.unlink()
        if old:
            changed.append(source.name)
        # Last: where this is cut short, the next call removes the rest.
        _note(path, source)
    return changed


def require_unchanged(folder: Path, sources: Iterable[Source], end: str) -> None:
    """Check that features are those of what the file says now.

    Parameters
    ----------
    end
        Of the file of a case that has features.

    Raises
    ------
    TrainingError
        Some are of another outcome, other images, values or outlines, or nobody knows of what.
    """
    changed = [
        source.name
        for source in sources
        if (folder / f"{source.name}{end}").is_file() and not _is_same(folder / f"{source.name}{RECORD}", source)
    ]
    if changed:
        raise TrainingError(
            f"{len(changed)} cases ({changed[0]} first) were extracted when the cohort file said something else of"
            " them: another outcome, other images, values or outlines. Run `mvi-node cohort extract` again, which "
            "does these anew"
        )


def _is_same(path: Path, source: Source) -> bool:
    recorded = _recorded(path)
    # A phantom is named by its seed, and features of it may be older than these notes.
    return recorded == source.stated or (recorded is None and isinstance(source, PhantomSource))


def _note(path: Path, source: Source) -> None:
    path.write_text(json.dumps({"stated": source.stated}) + "\n", encoding="utf-8")


def _recorded(path: Path) -> str | None:
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))["stated"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return stated if isinstance(stated, str) else None
