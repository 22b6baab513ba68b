"""Cases that have no features for a reason that a second run finds again, until something is mended."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pipeline.training.sources import Source

REFUSAL: Final = ".refused.json"


def write_refusal(folder: Path, name: str, because: str, inputs: str) -> None:
    """Note why a case has no features.

    Parameters
    ----------
    folder
        Of the features.
    name
        Of the case.
    because
        For the user.
    inputs
        State of its files before they were read, from `Source.inputs`.
    """
    document = {"because": because, "inputs": inputs}
    (folder / f"{name}{REFUSAL}").write_text(json.dumps(document) + "\n", encoding="utf-8")


def refusals_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return why each refused case has no features.

    Parameters
    ----------
    folder
        Of the features.
    names
        Of the cases.
    """
    paths = {name: folder / f"{name}{REFUSAL}" for name in names}
    return {name: str(_read(path)["because"]) for name, path in paths.items() if path.is_file()}


def forget_refusals(folder: Path, names: Iterable[str]) -> None:
    """Let refused cases be tried again: the rules of the site or the software may be others now."""
    for name in names:
        (folder / f"{name}{REFUSAL}").unlink(missing_ok=True)


def forget_mended(folder: Path, sources: Iterable[Source]) -> list[str]:
    """Let refused cases be tried again whose files are others than those that were refused.

    Parameters
    ----------
    folder
        Of the features.
    sources
        Cases of the cohort file.

    Returns
    -------
    list[str]
        Names of these cases. A refusal of earlier software, which noted no files, stands until it is told to go.
    """
    mended = []
    for source in sources:
        path = folder / f"{source.name}{REFUSAL}"
        if path.is_file() and _read(path).get("inputs", source.inputs()) != source.inputs():
            path.unlink()
            mended.append(source.name)
    return mended


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
