"""Cohort files with features as `cohort extract` leaves them."""

import json
from pathlib import Path
from typing import Never

import numpy as np

from pipeline.evaluation.offline import Place
from pipeline.features import FeatureVector
from pipeline.study import Role
from pipeline.training.case_records import discard_changed
from pipeline.training.cases import PatientCase
from pipeline.training.extraction import FEATURES
from pipeline.training.feature_table import FeatureTable, write_row
from pipeline.training.manifest import load_manifest
from pipeline.training.sources import sources_of
from pipeline.training.teachers import Teachers, note_teachers
from tests.unit.pipeline.training.cohorts import make_table

HEAD = """
[cohort]
name = "hospital"
kind = "dicom"
[bundle]
name = "hospital"
version = "1.0.0"
segmentation_of = "phantom-demo"
[pipeline.classification]
components = 5
radiomics_width = 16
clinical_width = 16
joint_width = 16
[classifier]
splits = 1
batch = 8
epochs = 5
learning_rate = 1e-2
"""


def write_place(
    folder: Path, patients: int = 60, *, signal: float = 4.0, seed: int = 0, further: bool = False
) -> Place:
    """Write a cohort file and features that tell of the outcome."""
    table = _table(patients, signal, seed)
    features = folder / "work" / FEATURES
    features.mkdir(parents=True)
    cases = "".join(
        f'[[cases]]\nfolder = "p{n}"\nmvi = {str(mvi).lower()}\n{_clinical(n, mvi) if further else ""}'
        for n, mvi in enumerate(table.mvi.tolist())
    )
    (folder / "cohort.toml").write_text(HEAD + cases, encoding="utf-8")
    sources = sources_of(load_manifest(folder / "cohort.toml"), unreadable)
    discard_changed(features, sources.classifier)
    note_teachers(features, Teachers(frozenset()))
    for n in range(patients):
        _row(features / f"{name(n)}.npz", table, n, 0.0)
    return Place(folder / "cohort.toml", folder / "work")


def _clinical(n: int, mvi: bool) -> str:
    """Give a patient what no model knows: an age that one lacks, a virus that is the outcome, and a word."""
    age = f'"age [years]" = {40 + n % 37}, ' if n else ""
    return f'clinical = {{{age}hbv = "{"yes" if mvi else "no"}", child_pugh = "{"ABC"[n % 3]}"}}\n'


def unreadable(case: PatientCase) -> Never:
    raise AssertionError(f"{case} is read")


def add_outlines(place: Place, patients: int) -> None:
    """Write what extraction stores of manual masks."""
    table = _table(patients, 4.0, 0)
    random = np.random.default_rng(0)
    features = place.work / FEATURES
    j, i = np.mgrid[:96, :128]
    for n in range(patients):
        _row(features / f"{name(n)}.manual.npz", table, n, 0.1)
        dice = {role: [0.5 + 0.01 * (n % 5), 0.8] for role in (Role.T1_PRE, Role.T2)}
        agreement = {"registration": dice, "segmentation": {Role.T1_HEPATOBILIARY: 0.7 + 0.001 * n}}
        (features / f"{name(n)}.agreement.json").write_text(json.dumps(agreement), encoding="utf-8")
        radius = 8 + n % 20
        with (features / f"{name(n)}.outline.npz").open("wb") as file:
            np.savez_compressed(
                file,
                image=(random.normal(100, 10, j.shape) - 40 * (np.hypot(j - 48, i - 60) < radius)).astype(
                    np.float32
                ),
                automatic=np.hypot(j - 50, i - 61) < radius,
                manual=np.hypot(j - 48, i - 60) < radius,
                spacing_ji_mm=np.array([1.5, 1.5]),
            )


def as_phantoms(place: Place, patients: int) -> None:
    """Make the same cases phantoms."""
    seeds = f'kind = "phantom"\nfirst_seed = 0\ncount = {patients}\nmvi_prevalence = 0.4'
    place.file.write_text(HEAD.replace('kind = "dicom"', seeds), encoding="utf-8")
    for n in range(patients):
        path = place.work / FEATURES / f"{name(n)}.npz"
        if path.exists():
            path.rename(path.with_name(f"phantom-{n:06d}.npz"))


def name(number: int) -> str:
    """Name a case as the sources of a cohort do."""
    return f"patient-{number + 1:04d}"


def _table(patients: int, signal: float, seed: int) -> FeatureTable:
    """Give a table tumours of all sizes, and a clinical value of yes or no."""
    table = make_table(patients, signal=signal, seed=seed)
    random = np.random.default_rng(seed)
    table.clinical[:, 0] = random.uniform(10, 80, patients)
    table.clinical[:, -1] = random.random(patients) < 0.5
    return table


def _row(path: Path, table: FeatureTable, n: int, change: float) -> None:
    noise = 1 + change * np.random.default_rng(n).standard_normal(table.values.shape[1])
    write_row(path, FeatureVector(table.names, table.values[n] * noise), table.clinical[n], bool(table.mvi[n]))
