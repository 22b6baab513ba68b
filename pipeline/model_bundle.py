"""A model bundle: a folder with a manifest and safetensors files, all checked before anything is believed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from pipeline.analysis import Classifier, ModelIdentity
from pipeline.bundle_manifest import (
    BUNDLED_FOLDER,
    FORMAT,
    MANIFEST,
    SOFTWARE,
    again_from,
    read_manifest,
    sealed,
    software_version,
)
from pipeline.classification.settings import ClassificationSettings
from pipeline.errors import ModelBundleError, ModelMisfitError, UnknownModelError
from pipeline.lesions import LesionSettings
from pipeline.quality import GateSettings
from pipeline.radiomics.settings import RadiomicsSettings
from pipeline.registration import RegistrationSettings
from pipeline.segmentation.settings import SegmentationSettings

Tensors = Mapping[str, npt.NDArray[Any]]

SEGMENTATION = "segmentation.safetensors"
CLASSIFIER = "classifier.safetensors"
FILES = (SEGMENTATION, CLASSIFIER)
DEMONSTRATION_USE = "demonstration: trained on synthetic phantoms, not for patients"

Spacing = Annotated[float, Field(ge=0.5, le=10)]


class PipelineSettings(BaseModel):
    """Settings of every stage; part of the model, since the weights are only valid with them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    working_spacing_xyz_mm: tuple[Spacing, Spacing, Spacing] = (2.0, 2.0, 2.5)
    """Voxel size of the grid on which the stages work, mm; its axes are those of the hepatobiliary phase."""
    registration: RegistrationSettings = Field(default_factory=RegistrationSettings)
    """Alignment to the hepatobiliary phase."""
    segmentation: SegmentationSettings = SegmentationSettings()
    """Network, patches, normalisation."""
    lesions: LesionSettings = LesionSettings()
    """Lesions and their margin."""
    radiomics: RadiomicsSettings = RadiomicsSettings()
    """Features."""
    classification: ClassificationSettings = ClassificationSettings()
    """Reduction, network, reading of the ensemble."""
    gates: GateSettings = GateSettings()
    """Limits of what is believed."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the samplers of the registration."""


@dataclass(frozen=True, eq=False)
class ModelBundle:
    """A model in memory; plain arrays, so that it can travel to worker processes.

    Parameters
    ----------
    identity
        Name, version, checksum, intended use.
    settings
        Of every stage.
    tensors
        Arrays by file name, then by tensor name; read-only.
    training
        How the model was made and what was measured on held-out cases, for `models show`.
    """

    identity: ModelIdentity
    settings: PipelineSettings
    tensors: Mapping[str, Tensors]
    training: Mapping[str, Any]

    def __post_init__(self) -> None:
        for tensors in self.tensors.values():
            for array in tensors.values():
                array.setflags(write=False)
        frozen = {file: MappingProxyType(dict(tensors)) for file, tensors in self.tensors.items()}
        object.__setattr__(self, "tensors", MappingProxyType(frozen))
        object.__setattr__(self, "training", MappingProxyType(dict(self.training)))

    @property
    def segmentation_weights(self) -> Tensors:
        """Parameters of the segmentation network."""
        return self.tensors[SEGMENTATION]

    @property
    def classifier_weights(self) -> Tensors:
        """Scalers, reductions, ensemble, calibration and the distribution of the training features."""
        return self.tensors[CLASSIFIER]

    def left_out_auc(self, classifier: Classifier) -> float | None:
        """Return the area under the curve of `classifier` on cases left out of its fit; None where unknown."""
        measured = (self.training.get("left_out") or {}).get(classifier.value) or {}
        auc = measured.get("auc")
        return float(auc) if isinstance(auc, int | float) else None

    def __reduce__(self) -> tuple[object, ...]:
        # Mapping proxies cannot be pickled.
        tensors = {file: dict(arrays) for file, arrays in self.tensors.items()}
        return (ModelBundle, (self.identity, self.settings, tensors, dict(self.training)))


def find_bundle(name: str, folders: Sequence[Path]) -> Path:
    """Find the bundle `name` in the first of `folders` that has it, then among the bundled ones.

    Raises
    ------
    UnknownModelError
        No folder holds it.
    """
    places = [*folders, BUNDLED_FOLDER]
    for place in places:
        # Also where its manifest is gone: an installed model that broke must not be replaced without a word.
        if (place / name).is_dir():
            return place / name
    searched = ", ".join(str(place) for place in places)
    raise UnknownModelError([f"no model {name!r} in {searched}; `mvi-node models list` shows what is installed"])


def list_bundles(folders: Sequence[Path]) -> list[Path]:
    """List the folders of all bundles, each name once, those of `folders` before the bundled ones."""
    found: dict[str, Path] = {}
    for place in [*folders, BUNDLED_FOLDER]:
        for folder in sorted(path for path in place.glob("[!._]*") if path.is_dir()):
            found.setdefault(folder.name, folder)
    return list(found.values())


def load_bundle(folder: Path) -> ModelBundle:
    """Load a bundle whose every byte is as its manifest says.

    Raises
    ------
    ModelBundleError
        A file is missing, unreadable or has a wrong checksum, or the manifest does not fit this software or the
        settings of the training (``MB-FIT``). The message names the file and says what to do.
    """
    manifest = read_manifest(folder)
    tensors = {name: _read_tensors(folder / name, manifest["files"].get(name)) for name in FILES}
    try:
        settings = PipelineSettings.model_validate(manifest["settings"])
    except ValidationError as error:
        keys = ", ".join(".".join(str(part) for part in item["loc"]) for item in error.errors())
        raise ModelBundleError(
            f"{folder / MANIFEST}: settings this software does not accept ({keys}); use a bundle made for it"
        ) from error
    # One that is not stated would move with the next version of this software; null says "not judged".
    if unstated := sorted(GateSettings.model_fields.keys() - manifest["settings"]["gates"].keys()):
        raise ModelMisfitError(
            f"{folder / MANIFEST}: no limit is stated for the gates {', '.join(unstated)}; "
            "train it again with this software"
        )
    identity = ModelIdentity(manifest["name"], manifest["version"], manifest["sha256"], manifest["intended_use"])
    return ModelBundle(identity, settings, tensors, manifest["training"])


def write_bundle(
    folder: Path,
    *,
    name: str,
    version: str,
    intended_use: str,
    settings: PipelineSettings,
    tensors: Mapping[str, Tensors],
    training: Mapping[str, Any],
) -> ModelIdentity:
    """Write a bundle; the manifest last, so that a folder with a manifest is complete.

    Parameters
    ----------
    folder
        Made where missing; a bundle in it is replaced.
    name, version, intended_use, settings, tensors, training
        As in `ModelBundle`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    files = {}
    for file in FILES:
        content = save_tensors({key: np.ascontiguousarray(array) for key, array in sorted(tensors[file].items())})
        (folder / file).write_bytes(content)
        files[file] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "intended_use": intended_use,
        "files": files,
        "settings": settings.model_dump(mode="json"),
        "training": {SOFTWARE: software_version(), **training},
    }
    manifest = sealed(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return ModelIdentity(name, version, manifest["sha256"], intended_use)


def _read_tensors(path: Path, expected: Mapping[str, Any] | None) -> dict[str, npt.NDArray[Any]]:
    if expected is None:
        raise ModelBundleError(f"{path.name} is not in the manifest of {path.parent}; {again_from(path)}")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelBundleError(f"{path} does not exist; {again_from(path)}") from error
    except OSError as error:
        raise ModelBundleError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        raise ModelBundleError(f"{path} has a wrong checksum; {again_from(path)}")
    try:
        tensors = load_tensors(content)
    except SafetensorError as error:
        raise ModelBundleError(f"{path} is no safetensors file; {again_from(path)}") from error
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ModelBundleError(f"{path}: {name} holds a value that is no number; train the model again")
    return tensors
