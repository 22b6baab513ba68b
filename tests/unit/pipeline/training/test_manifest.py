from pathlib import Path

import pytest

from config.errors import ConfigError
from pipeline.bundle_manifest import BUNDLED_FOLDER
from pipeline.study import Role
from pipeline.training.cases import PatientCase
from pipeline.training.errors import TrainingError
from pipeline.training.manifest import ACTIVE, load_manifest
from pipeline.training.sources import Patient, PatientSource, PhantomSource, sources_of

PHANTOMS = """
[cohort]
name = "small"
kind = "phantom"
first_seed = 100
count = 3

[phantoms]
first_seed = 10
count = 2
first_held_out_seed = 20
held_out_count = 1

[bundle]
name = "small"
version = "0.1.0"
"""

PATIENTS = """
[cohort]
name = "site"
kind = "dicom"

[[cases]]
folder = "a"
mvi = true
labels = "a.nii.gz"
clinical = {ast_u_per_l = 30.0}

[[cases]]
folder = "b"
mvi = false

[bundle]
name = "site"
version = "1.0.0"
intended_use = "research"
"""


def no_reader(case: PatientCase) -> Patient:
    raise AssertionError(case)


def write(folder: Path, text: str) -> Path:
    path = folder / "cohort.toml"
    path.write_text(text)
    return path


def test_manifest_when_of_phantoms_then_the_seeds_become_sources(tmp_path: Path) -> None:
    sources = sources_of(load_manifest(write(tmp_path, PHANTOMS)), no_reader)
    assert sources.segmentation == (PhantomSource(10, 1 / 3), PhantomSource(11, 1 / 3))
    assert [source.name for source in sources.held_out] == ["phantom-000020"]
    assert [source.name for source in sources.classifier] == ["phantom-000100", "phantom-000101", "phantom-000102"]


def test_manifest_when_of_patients_then_paths_are_relative_to_it_and_names_hide_them(tmp_path: Path) -> None:
    manifest = load_manifest(write(tmp_path, PATIENTS))
    sources = sources_of(manifest, no_reader)
    assert manifest.cases[0].folder == tmp_path / "a"
    assert manifest.cases[0].labels == tmp_path / "a.nii.gz"
    assert manifest.cases[1].labels is None
    assert [source.name for source in sources.segmentation] == ["patient-0001"]
    assert [source.name for source in sources.classifier] == ["patient-0001", "patient-0002"]
    assert all(isinstance(source, PatientSource) for source in sources.classifier)


def test_manifest_when_no_patient_has_labels_then_it_says_so(tmp_path: Path) -> None:
    manifest = load_manifest(write(tmp_path, PATIENTS.replace('labels = "a.nii.gz"\n', "")))
    with pytest.raises(TrainingError, match="no case has labels"):
        sources_of(manifest, no_reader)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("count = 3", "cuont = 3", r"cohort\.cuont: unknown key"),
        ('version = "0.1.0"', 'version = "one"', r"bundle\.version"),
        ("first_seed = 10\n", "first_seed = 101\n", "seeds of cohort and phantoms overlap"),
        (
            "first_held_out_seed = 20",
            "first_held_out_seed = 11",
            "seeds of phantoms and held-out phantoms overlap",
        ),
        ('kind = "phantom"', 'kind = "dicom"', "lists its cases; seeds and counts belong"),
        ("count = 3", "count = 0", r"cohort\.count: at least one"),
        ("[cohort]", "[cohort", "not valid TOML"),
        (
            "[bundle]",
            "[segmentation]\nsteps = 0\nlearning_rate = -1\n[bundle]",
            r"segmentation\.steps.*segmentation\.learning_rate",
        ),
    ],
)
def test_manifest_when_wrong_then_every_error_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PHANTOMS
    with pytest.raises(ConfigError, match=said):
        load_manifest(write(tmp_path, PHANTOMS.replace(old, new, 1)))


def test_manifest_when_missing_then_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_manifest(tmp_path / "absent.toml")


def test_manifest_when_of_the_demonstration_model_then_it_is_valid() -> None:
    manifest = load_manifest(BUNDLED_FOLDER / "phantom-demo" / "cohort.toml")
    assert manifest.bundle.name == "phantom-demo"
    assert "not for patients" in manifest.intended_use


TABLE = """patient,folder,study,mvi,image_T2,mask_T2,AST [U/L],hbcab_positive
P1,a,,yes,,drawn/a.nrrd,31.5,1
P2,,1.2.840.3,no,,,,
P3,,,,x.nii.gz,,,
"""


def test_table_when_alone_then_it_is_a_cohort_of_patients_with_the_segmentation_in_force(tmp_path: Path) -> None:
    (tmp_path / "My Cohort.csv").write_text("\ufeff" + TABLE, encoding="utf-8")
    manifest = load_manifest(tmp_path / "My Cohort.csv")
    assert (manifest.cohort.name, manifest.bundle.name) == ("My Cohort", "my-cohort")
    assert manifest.bundle.segmentation_of == ACTIVE
    first, second, third = manifest.cases
    assert manifest.intended_use.startswith("research: trained on patients of the cohort ")
    assert (first.patient, first.folder, first.mvi) == ("P1", tmp_path / "a", True)
    assert first.masks == {Role.T2: tmp_path / "drawn" / "a.nrrd"}
    assert first.clinical == {"AST [U/L]": "31.5", "hbcab_positive": "1"}
    assert (second.study, second.mvi, second.clinical) == ("1.2.840.3", False, {})
    assert (third.images, third.mvi) == ({Role.T2: tmp_path / "x.nii.gz"}, None)
    assert [source.name for source in sources_of(manifest, no_reader).classifier] == [
        "patient-0001",
        "patient-0002",
        "patient-0003",
    ]


def test_table_when_named_by_a_cohort_file_then_its_paths_start_beside_it(tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "p.csv").write_text(TABLE)
    text = PATIENTS[: PATIENTS.index("[[cases]]")].replace('"dicom"', '"patients"\ntable = "sheets/p.csv"')
    bundle = PATIENTS[PATIENTS.index("[bundle]") :]
    manifest = load_manifest(write(tmp_path, text + bundle))
    assert manifest.cases[0].folder == tmp_path / "sheets" / "a"
    with pytest.raises(ConfigError, match="leave one out"):
        load_manifest(write(tmp_path, text + "[[cases]]\nfolder = 'a'\n" + bundle))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("patient,folder", "folder,folder", "two columns folder"),
        ("patient,folder", ",folder", "a column without a name"),
    ],
)
def test_table_when_wrong_then_the_line_or_key_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TABLE
    (tmp_path / "p.csv").write_text(TABLE.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said):
        load_manifest(tmp_path / "p.csv")
    with pytest.raises(ConfigError, match="does not exist"):
        load_manifest(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("old", "new", "number", "said"),
    [
        ("P1,a,,yes", "P1,,,yes", 0, "name one of folder, study and images"),
        ("image_T2", "image_T3", 2, "images.t3"),
        ("31.5,1", "31.5,1,2", 0, "more cells than columns"),
        ("1.2.840.3", "1.2.x", 1, "study: "),
    ],
)
def test_table_when_a_line_cannot_be_meant_then_its_case_tells_and_the_others_are_read(
    tmp_path: Path, old: str, new: str, number: int, said: str
) -> None:
    (tmp_path / "p.csv").write_text(TABLE.replace(old, new, 1))
    cases = load_manifest(tmp_path / "p.csv").cases
    assert [bool(case.problems) for case in cases] == [n == number for n in range(3)]
    assert said in cases[number].problems[0]


def test_table_when_parted_by_semicolons_then_it_is_the_same_table(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(TABLE)
    commas = load_manifest(tmp_path / "p.csv").cases
    (tmp_path / "p.csv").write_text(TABLE.replace(",", ";"))
    assert load_manifest(tmp_path / "p.csv").cases == commas
