"""Cases that have no features for a reason that a second run finds again, until it is told to try anew."""

import json
from collections.abc import Iterable
from pathlib import Path

from pipeline.training.extraction import REFUSAL


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
    return {
        name: str(json.loads(path.read_text(encoding="utf-8"))["because"])
        for name, path in paths.items()
        if path.is_file()
    }


def forget_refusals(folder: Path, names: Iterable[str]) -> None:
    """Let refused cases be tried again: their images, the rules of the site or the software may be others now."""
    for name in names:
        (folder / f"{name}{REFUSAL}").unlink(missing_ok=True)
