import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import bundle_manifest
from pipeline.analysis import Classifier
from pipeline.bundle_manifest import BUNDLED_FOLDER, MANIFEST
from pipeline.errors import ModelBundleError, ModelMisfitError, UnknownModelError
from pipeline.model_bundle import (
    CLASSIFIER,
    SEGMENTATION,
    ModelBundle,
    PipelineSettings,
    find_bundle,
    list_bundles,
    load_bundle,
    write_bundle,
)

TENSORS = {
    SEGMENTATION: {"head.weight": np.arange(6, dtype=np.float16).reshape(2, 3)},
    CLASSIFIER: {"radiomics.reading": np.array([1.0, 0.0, 0.5, 1.0])},
}


def write(folder: Path, name: str = "small", **changes: object) -> Path:
    arguments = {
        "name": name,
        "version": "1.2.3",
        "intended_use": "tests",
        "settings": PipelineSettings(seed=5),
        "tensors": TENSORS,
        "training": {"left_out": {"radiomics": {"auc": 0.8}}},
    }
    write_bundle(folder / name, **(arguments | changes))  # type: ignore[arg-type]  # one dictionary of many types
    return folder / name


def test_bundle_when_written_and_loaded_then_everything_comes_back(tmp_path: Path) -> None:
    bundle = load_bundle(write(tmp_path))
    assert (bundle.identity.name, bundle.identity.version, bundle.identity.intended_use) == (
        "small",
        "1.2.3",
        "tests",
    )
    assert bundle.settings == PipelineSettings(seed=5)
    assert bundle.training["left_out"]["radiomics"]["auc"] == 0.8
    for file, tensors in TENSORS.items():
        for name, array in tensors.items():
            np.testing.assert_array_equal(bundle.tensors[file][name], array)
            assert bundle.tensors[file][name].dtype == array.dtype


def test_bundle_when_pickled_then_it_is_the_same_and_still_frozen(tmp_path: Path) -> None:
    bundle = load_bundle(write(tmp_path))
    travelled: ModelBundle = pickle.loads(pickle.dumps(bundle))  # noqa: S301 - our own bytes
    assert travelled.identity == bundle.identity
    assert travelled.settings == bundle.settings
    weights = travelled.segmentation_weights["head.weight"]
    np.testing.assert_array_equal(weights, TENSORS[SEGMENTATION]["head.weight"])
    with pytest.raises(ValueError, match="read-only"):
        weights[0, 0] = 1


def test_identity_when_weights_or_settings_change_then_the_checksum_changes(tmp_path: Path) -> None:
    first = load_bundle(write(tmp_path, "one")).identity.sha256
    again = load_bundle(write(tmp_path, "one")).identity.sha256
    other_settings = load_bundle(write(tmp_path, "one", settings=PipelineSettings(seed=6))).identity.sha256
    changed = TENSORS | {CLASSIFIER: {"radiomics.reading": np.array([1.0, 0.0, 0.6, 1.0])}}
    other_weights = load_bundle(write(tmp_path, "one", tensors=changed)).identity.sha256
    assert first == again
    assert len({first, other_settings, other_weights}) == 3


@pytest.mark.parametrize("file", [SEGMENTATION, CLASSIFIER])
def test_load_when_one_bit_of_a_file_is_wrong_then_the_file_is_named(tmp_path: Path, file: str) -> None:
    folder = write(tmp_path)
    content = bytearray((folder / file).read_bytes())
    content[-1] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(
        ModelBundleError, match=rf"{file} has a wrong checksum; copy the whole bundle small to {tmp_path} again"
    ):
        load_bundle(folder)


@pytest.mark.parametrize("file", [MANIFEST, SEGMENTATION, CLASSIFIER])
def test_load_when_a_file_is_missing_then_it_is_named(tmp_path: Path, file: str) -> None:
    folder = write(tmp_path)
    (folder / file).unlink()
    with pytest.raises(ModelBundleError, match=rf"{file} does not exist"):
        load_bundle(folder)


def test_load_when_the_manifest_was_edited_then_it_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["intended_use"] = "patients"
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelBundleError, match="changed after training"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("radiomics", "bin_count", 64),
        ("radiomics", "normalize_scale", 1.0),
        ("lesions", "margin_mm", 20.0),
        ("segmentation", "search", "body"),
        (None, "working_spacing_xyz_mm", [4.0, 4.0, 4.0]),
        (None, "seed", 7),
    ],
)
def test_load_when_a_setting_that_gives_features_their_values_is_another_then_it_does_not_fit(
    tmp_path: Path, section: str | None, key: str, value: object
) -> None:
    folder = write(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    (manifest["settings"] if section is None else manifest["settings"][section])[key] = value
    write_again(folder, manifest)
    with pytest.raises(ModelMisfitError, match="not those that the classifier was trained with"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("gates", "maximum_lesions", 3), ("registration", "threads", 1), ("radiomics", "processes", 2)],
)
def test_load_when_a_limit_or_the_pace_is_another_then_it_fits(
    tmp_path: Path, section: str, key: str, value: int
) -> None:
    folder = write(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["settings"][section][key] = value
    write_again(folder, manifest)
    assert getattr(getattr(load_bundle(folder).settings, section), key) == value


@pytest.mark.parametrize(
    ("software", "told"),
    [
        (None, "does not say which version of this software made it"),
        ("", "does not say which version"),
        (9, "does not say which version"),
        ("99.0.0", r"made by version 99\.0\.0 of this software.*upgrade it"),
    ],
)
def test_load_when_newer_or_unknown_software_made_it_then_it_does_not_fit(
    tmp_path: Path, software: object, told: str
) -> None:
    folder = write(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["training"]["software"] == bundle_manifest.software_version()
    manifest["training"]["software"] = software
    write_again(folder, manifest)
    with pytest.raises(ModelMisfitError, match=told):
        load_bundle(folder)
    manifest["training"]["software"] = "0.0.9.dev1"
    write_again(folder, manifest)
    assert load_bundle(folder).training["software"] == "0.0.9.dev1"


def test_load_when_a_gate_has_no_limit_in_it_then_it_does_not_fit(tmp_path: Path) -> None:
    folder = write(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    # Stated, though to judge nothing.
    assert manifest["settings"]["gates"]["maximum_mahalanobis"] is None
    del manifest["settings"]["gates"]["maximum_mahalanobis"]
    write_again(folder, manifest)
    with pytest.raises(ModelMisfitError, match="no limit is stated for the gates maximum_mahalanobis"):
        load_bundle(folder)


def write_again(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest whose checksum holds, as whoever packs a bundle can."""
    manifest["sha256"] = bundle_manifest._digest(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"format": 99}', "format 99, but this software reads format 1"), ("{", "as JSON"), ("[]", "format None")],
)
def test_load_when_the_manifest_is_of_another_kind_then_it_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    folder = write(tmp_path)
    (folder / MANIFEST).write_text(text)
    with pytest.raises(ModelBundleError, match=said):
        load_bundle(folder)


def test_find_when_a_bundle_is_installed_twice_then_the_first_folder_wins(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    write(tmp_path / "b", "other")
    folders = [tmp_path / "a", tmp_path / "b"]
    assert find_bundle("small", folders) == tmp_path / "a" / "small"
    listed = list_bundles(folders)
    assert listed[:2] == [tmp_path / "a" / "small", tmp_path / "b" / "other"]


def test_find_when_there_is_none_then_the_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match=rf"no model 'absent' in {tmp_path}.*models list"):
        find_bundle("absent", [tmp_path])


def test_write_when_it_breaks_half_way_then_no_old_manifest_describes_the_new_files(tmp_path: Path) -> None:
    folder = write(tmp_path)
    with pytest.raises(KeyError):
        write(tmp_path, tensors={SEGMENTATION: {"head.weight": np.zeros(2)}})
    assert not (folder / MANIFEST).exists()
    write(tmp_path)
    assert load_bundle(folder).identity.version == "1.2.3"


def test_auc_when_it_was_measured_on_left_out_cases_then_it_is_told_by_classifier(tmp_path: Path) -> None:
    bundle = load_bundle(BUNDLED_FOLDER / "phantom-demo")
    measured = bundle.training["left_out"]
    assert bundle.left_out_auc(Classifier.RADIOMICS) == measured["radiomics"]["auc"]
    assert bundle.left_out_auc(Classifier.RADIOMICS_AND_CLINICAL) == measured["radiomics+clinical"]["auc"]


def test_bundle_when_its_manifest_is_gone_then_the_bundled_one_does_not_take_its_place(tmp_path: Path) -> None:
    broken = tmp_path / "phantom-demo"
    broken.mkdir()
    assert find_bundle("phantom-demo", [tmp_path]) == broken
    assert broken in list_bundles([tmp_path])
    with pytest.raises(ModelBundleError, match=rf"copy the whole bundle phantom-demo to {tmp_path} again"):
        load_bundle(broken)


def test_load_when_the_bundled_model_is_damaged_then_the_software_is_to_be_installed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.bundle_manifest.BUNDLED_FOLDER", tmp_path)
    folder = write(tmp_path)
    (folder / CLASSIFIER).write_bytes(b"")
    with pytest.raises(ModelBundleError, match="wrong checksum; it is part of this software: install that again"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", "banana"),
        ("version", 1),
        ("files", []),
        ("files", {SEGMENTATION: {}}),
        ("training", "x"),
        ("settings", {}),
        ("settings", {"radiomics": {}}),
        ("settings", []),
        ("name", None),
        ("intended_use", " "),
        ("intended_use", "x\n\n## For clinical use"),
        ("training", {"cohort": "x"}),
        ("training", {"classifier": "x"}),
        ("training", {"left_out": ["radiomics"]}),
        ("training", {"left_out": {"radiomics": 0.8}}),
        ("training", {"left_out": {"radiomics": {"auc": 7.5}}}),
        ("training", {"left_out": {"radiomics": {"auc": "good"}}}),
        ("training", {"held_out_dice": ["tumour"]}),
    ],
)
def test_load_when_the_manifest_is_none_and_its_checksum_holds_then_it_is_refused_without_a_traceback(
    tmp_path: Path, key: str, value: object
) -> None:
    folder = write(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest[key] = value
    write_again(folder, manifest)
    with pytest.raises(ModelBundleError, match="is not that of a bundle"):
        load_bundle(folder)


def test_load_when_a_weight_is_no_number_then_the_tensor_is_named(tmp_path: Path) -> None:
    tensors = {**TENSORS, CLASSIFIER: {"radiomics.reading": np.array([1.0, np.nan, 0.5, 1.0])}}
    with pytest.raises(ModelBundleError, match=r"radiomics\.reading holds a value that is no number"):
        load_bundle(write(tmp_path, tensors=tensors))
