"""The manifest of a model bundle: what it must say, and that nobody changed it since the training."""

import hashlib
import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pipeline.errors import ModelBundleError, ModelMisfitError

FORMAT: Final = 1
"""Of the manifest; raised when an older reader would misunderstand a bundle."""
MANIFEST: Final = "manifest.json"
BUNDLED_FOLDER: Final = Path(__file__).parent / "models"
"""Bundles that come with the software."""
BUNDLE_NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
VERSION_PATTERN: Final = r"^[0-9]+\.[0-9]+\.[0-9]+$"
_RELEASE: Final = r"[0-9]+(\.[0-9]+)*"

SOFTWARE: Final = "software"
"""Key, in the record of the training, of the version of this software that made the bundle."""
MADE_WITH: Final = "feature_settings_sha256"
"""Key, in the record of the training, of the digest of the settings that give features their values."""
SECTIONS: Final = frozenset(
    {
        "working_spacing_xyz_mm",
        "registration",
        "segmentation",
        "lesions",
        "radiomics",
        "classification",
        "gates",
        "seed",
    }
)
"""Of the settings: none may be left to what this software would do without it."""
_MEASURED: Final = ("left_out", "held_out_dice")
"""Parts of the record of a training with a mapping for each thing measured."""
_RECORDS: Final = ("cohort", "code", "classifier", "segmentation", *_MEASURED)
"""Parts of the record of a training that are mappings."""
_JUDGING: Final = ("classification", "gates")
"""Sections that judge features, or learn from them, and change none."""
_FREE: Final = (("registration", "threads"), ("radiomics", "processes"))
"""How fast, and not what."""


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with the digest of its settings and its own checksum, as `read_manifest` wants them.

    Parameters
    ----------
    manifest
        With ``settings`` and ``training``.
    """
    training = {**manifest["training"], MADE_WITH: _settings_digest(manifest["settings"])}
    whole = {**manifest, "training": training}
    return {**whole, "sha256": _digest(whole)}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read a manifest that is complete and as it was when the model was trained.

    Parameters
    ----------
    folder
        Of the bundle.

    Raises
    ------
    ModelBundleError
        It is missing, unreadable, of another format, incomplete, or its checksum does not hold.
    ModelMisfitError
        ``MB-FIT``: its settings would give features other values than those that its classifier learnt from, or a
        newer version of this software made it.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelBundleError(f"{path} does not exist; {again_from(path)}") from error
    except (OSError, ValueError) as error:
        raise ModelBundleError(f"{path} cannot be read as JSON; {again_from(path)}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise ModelBundleError(
            f"{path}: format {found}, but this software reads format {FORMAT}; use a bundle made for it"
        )
    keys = {"name", "version", "intended_use", "files", "settings", "training", "sha256"}
    if missing := sorted(keys - manifest.keys()):
        raise ModelBundleError(f"{path}: {', '.join(missing)} missing; {again_from(path)}")
    if manifest["sha256"] != _digest(manifest):
        raise ModelBundleError(f"{path} was changed after training (wrong checksum); {again_from(path)}")
    if not _is_sound(manifest):
        raise ModelBundleError(f"{path} is not that of a bundle; {again_from(path)}")
    made, own = manifest["training"].get(SOFTWARE), software_version()
    if not isinstance(made, str) or not re.match(_RELEASE, made):
        raise ModelMisfitError(f"{path} does not say which version of this software made it; {again_from(path)}")
    if _release(made) > _release(own):
        raise ModelMisfitError(
            f"{path}: made by version {made} of this software, which may mean other things by the same settings, "
            f"and this is {own}; upgrade it, or use a bundle made for it"
        )
    if manifest["training"].get(MADE_WITH) != _settings_digest(manifest["settings"]):
        raise ModelMisfitError(
            f"{path}: the settings are not those that the classifier was trained with; "
            f"{again_from(path)}, or train it again with these settings"
        )
    return manifest


def software_version() -> str:
    """Return the version of this software."""
    return version("mvi-node")


def again_from(path: Path) -> str:
    """Say how the bundle that a file belongs to is made whole.

    Parameters
    ----------
    path
        Of a file in the folder of the bundle.
    """
    folder = path.parent
    if folder.parent == BUNDLED_FOLDER:
        return "it is part of this software: install that again, in a checkout after `git restore` of the file"
    return f"copy the whole bundle {folder.name} to {folder.parent} again, from where it was trained"


def _is_sound(manifest: Mapping[str, Any]) -> bool:
    """Tell whether every value is of its kind: a checksum that holds says only who packed it last."""
    files = manifest["files"]
    return (
        all(_is_line(manifest[key]) for key in ("name", "intended_use"))
        and isinstance(manifest["version"], str)
        and re.fullmatch(VERSION_PATTERN, manifest["version"]) is not None
        and isinstance(manifest["training"], dict)
        and _is_record(manifest["training"])
        and isinstance(manifest["settings"], dict)
        and manifest["settings"].keys() >= SECTIONS
        and isinstance(files, dict)
        and all(isinstance(entry, dict) and isinstance(entry.get("sha256"), str) for entry in files.values())
    )


def _is_line(text: object) -> bool:
    """Tell whether a text is one line: a card in Markdown must get no heading out of it."""
    return isinstance(text, str) and text.strip() != "" and text.isprintable()


def _is_record(training: Mapping[str, Any]) -> bool:
    """Tell whether the record of a training has the form in which cards and results read it."""
    parts = [training.get(name) or {} for name in _RECORDS]
    if not all(isinstance(part, dict) for part in parts):
        return False
    measured = [entry for name in _MEASURED for entry in (training.get(name) or {}).values()]
    if not all(isinstance(entry, dict) for entry in measured):
        return False
    areas = [entry["auc"] for entry in measured if entry.get("auc") is not None]
    return all(isinstance(area, int | float) and 0 <= area <= 1 for area in areas)


def _release(software: str) -> tuple[int, ...]:
    found = re.match(_RELEASE, software)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _digest(manifest: Mapping[str, Any]) -> str:
    """Checksum over everything the manifest says but the checksum itself; it covers the files by theirs."""
    return _checksum({key: value for key, value in manifest.items() if key != "sha256"})


def _settings_digest(settings: Mapping[str, Any]) -> str:
    made = {key: value for key, value in settings.items() if key not in _JUDGING}
    for section, key in _FREE:
        if isinstance(made.get(section), dict):
            made[section] = {name: value for name, value in made[section].items() if name != key}
    return _checksum(made)


def _checksum(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
