"""Which model bundle is in force, and where bundles are looked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings
from node.models.archive import MANIFEST
from node.models.signature import SIGNATURE, ModelRefusedError, check_signature, read_public_keys

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
        It is damaged, or its parts do not fit one another (``MB-FIT``); the message says what to do.
    ModelRefusedError
        ``model.require_signature`` is set, and no trusted key signed it; or ``MB-NAME``, see `require_named`.
    """
    from pipeline.bundle_fit import require_fit  # noqa: PLC0415 - `--help` needs no numpy
    from pipeline.model_bundle import find_bundle, load_bundle  # noqa: PLC0415

    folder = find_bundle(name or settings.model.active, model_folders(settings))
    if settings.model.require_signature:
        signer_of(folder, settings)
    # A bundle copied by hand has met neither `models install` nor `models verify`.
    bundle = require_fit(load_bundle(folder))
    require_named(folder, bundle.identity.name)
    return bundle


def require_named(folder: Path, name: str) -> None:
    """Check that a bundle lies under its own name: results would carry another than the one that was chosen.

    Raises
    ------
    ModelRefusedError
        ``MB-NAME``.
    """
    if folder.name != name:
        raise ModelRefusedError("MB-NAME", f"the bundle in {folder} is {name}; rename its folder to {name}")


def signer_of(folder: Path, settings: Settings) -> str:
    """Return the fingerprint of the trusted key that signed a bundle; empty for those that come with the software.

    Raises
    ------
    ModelRefusedError
        No trusted key signed it.
    """
    from pipeline.bundle_manifest import BUNDLED_FOLDER  # noqa: PLC0415 - `--help` needs no numpy

    if folder.parent == BUNDLED_FOLDER:
        return ""
    signature, manifest = folder / SIGNATURE, folder / MANIFEST
    return check_signature(
        manifest.read_bytes() if manifest.is_file() else b"",
        signature.read_bytes() if signature.is_file() else None,
        read_public_keys(settings.model.trusted_keys),
    )
