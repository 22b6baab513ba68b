"""Install and activate model bundles: nothing is in force before all of it is checked."""

import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.editing import set_active_model
from config.settings import Settings
from node.audit.configuration import record_change
from node.audit.trail import Trail
from node.models.archive import MANIFEST, unpack
from node.models.choice import load_active_bundle, model_folders
from node.models.signature import SIGNATURE, ModelRefusedError, check_signature, read_public_keys
from node.storage.folder import prepare_storage
from pipeline.errors import ModelBundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from pipeline.analysis import ModelIdentity


@dataclass(frozen=True)
class Installed:
    """What was installed.

    Parameters
    ----------
    identity
        Of the bundle.
    folder
        Where it lies.
    signed_by
        Fingerprint of the key; empty where it is not signed.
    replaced
        Version that it replaced; empty where there was none.
    """

    identity: "ModelIdentity"
    folder: Path
    signed_by: str
    replaced: str


def install(archive: Path, settings: Settings, key: Path | None, *, replace: bool) -> Installed:
    """Install a bundle from an archive.

    Parameters
    ----------
    key
        Public key that must have signed it; None: one of `model.trusted_keys`, where a signature is demanded or
        there is one.
    replace
        Whether another version of the same name may be replaced.

    Raises
    ------
    ModelRefusedError
        ``MB-...``: nothing is installed.
    ConfigError
        A key cannot be read.
    """
    from pipeline.bundle_fit import require_fit  # noqa: PLC0415 - `--help` needs no numpy
    from pipeline.bundle_manifest import BUNDLE_NAME_PATTERN  # noqa: PLC0415
    from pipeline.model_bundle import FILES, load_bundle  # noqa: PLC0415

    trusted = read_public_keys([key] if key else settings.model.trusted_keys)
    (place,) = model_folders(settings)
    place.mkdir(parents=True, exist_ok=True)
    draft = place / f".installing-{uuid.uuid4().hex}"
    draft.mkdir()
    try:
        unpack(archive, draft, FILES)
        signer = _signer(draft, trusted, demanded=settings.model.require_signature or key is not None)
        try:
            identity = require_fit(load_bundle(draft)).identity
        except ModelBundleError as error:
            reason = re.sub(r"; copy the whole bundle .*", "", str(error).replace(f"{draft}/", ""))
            raise ModelRefusedError("MB-DAMAGED", f"the archive holds no intact bundle: {reason}") from error
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            # Whoever packs a manifest can make its checksum fit whatever stands in it.
            raise ModelRefusedError("MB-DAMAGED", f"its {MANIFEST} is not that of a bundle") from error
        if not re.fullmatch(BUNDLE_NAME_PATTERN, str(identity.name)):
            raise ModelRefusedError("MB-NAME", "its name is none that a bundle may have; train it under another")
        folder = place / identity.name
        before = _version_in(folder)
        if before and not replace:
            raise ModelRefusedError(
                "MB-EXISTS",
                f"{identity.name} {before} is installed; --replace puts {identity.version} in its place",
            )
        _move_into_place(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Installed(identity, folder, signer, before)


def activate(name: str, settings: Settings, config: Path, by: str, at: datetime) -> "ModelIdentity":
    """Make an installed bundle the active one, in the configuration file and in the audit trail.

    Parameters
    ----------
    by
        Login name of the person.
    at
        Aware.

    Raises
    ------
    ModelBundleError, ModelRefusedError, UnknownModelError
        The bundle is damaged, not signed as demanded, or not there; nothing is changed.
    """
    identity = load_active_bundle(settings, name).identity
    before = settings.model.active
    set_active_model(config, name)
    detail = f"model {identity.name} {identity.version} sha256 {identity.sha256} activated in place of {before}"
    record_change(Trail(prepare_storage(settings.node.storage)), settings.node.ae_title, by, at, detail)
    return identity


def _signer(folder: Path, trusted: "Mapping[str, Ed25519PublicKey]", *, demanded: bool) -> str:
    path = folder / SIGNATURE
    if not demanded and not path.is_file():
        return ""
    signature = path.read_bytes() if path.is_file() else None
    return check_signature((folder / MANIFEST).read_bytes(), signature, trusted)


def _version_in(folder: Path) -> str:
    from pipeline.model_bundle import load_bundle  # noqa: PLC0415 - `--help` needs no numpy

    if not folder.exists():
        return ""
    try:
        return load_bundle(folder).identity.version
    except ModelBundleError:
        return "(damaged)"


def _move_into_place(draft: Path, folder: Path) -> None:
    old = draft.with_name(f".replaced-{uuid.uuid4().hex}")
    if folder.exists():
        folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
