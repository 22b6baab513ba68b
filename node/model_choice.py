"""Which model bundle is in force, and where bundles are looked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings

if TYPE_CHECKING:
    from pipeline.model_bundle import ModelBundle

MODELS = "models"


def model_folders(settings: Settings) -> list[Path]:
    """Return the folders of installed bundles, the bundled ones aside."""
    return [settings.model.folder or settings.node.storage / MODELS]


def load_active_bundle(settings: Settings, name: str | None = None) -> "ModelBundle":
    """Load the bundle `name`, or the active one, and check every byte of it.

    Raises
    ------
    UnknownModelError
        It is not installed.
    ModelBundleError
        It is damaged; the message says what to do.
    """
    from pipeline.model_bundle import find_bundle, load_bundle  # noqa: PLC0415 - `--help` needs no torch

    return load_bundle(find_bundle(name or settings.model.active, model_folders(settings)))
