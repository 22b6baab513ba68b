"""A small cohort through every verb: checked, extracted, killed, gone on with on a cluster, evaluated."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
from scipy import ndimage
from typer.testing import CliRunner

from node.cli import app
from pipeline.evaluation.offline import Place, open_cohort
from pipeline.geometry import Grid
from pipeline.resampling import to_sitk
from pipeline.study import FIXED_ROLE, Role
from pipeline.training.parquet import AUTOMATIC, MANUAL, PARQUET, read_parquet
from tests.unit.node.compute.test_dask_engine import REPOSITORY, Cluster, cluster

__all__ = ["cluster"]

PATIENTS = 12
SHAPE = (24, 40, 48)
SPACING_XYZ_MM = (4.0, 4.0, 5.0)
PATIENCE_S = 900
COHORT = """
[cohort]
name = "twelve"
kind = "patients"
table = "patients.csv"
[segmentation]
steps = 60
learning_rate = 5e-3
warm_up_steps = 5
patch_kji = [16, 16, 16]
misregistration_mm = 0.0
[pipeline]
working_spacing_xyz_mm = [4.0, 4.0, 5.0]
[pipeline.segmentation]
channels = [8, 16]
patch_kji = [24, 40, 48]
stride_kji = [24, 40, 48]
search = "body"
[pipeline.lesions]
margin_mm = 8.0
minimum_liver_contact = 0.0
[pipeline.gates]
minimum_mutual_information = 0.0
# An ellipsoid is its own mirror image.
maximum_mirrored_likeness = 10.0
[pipeline.classification]
components = 3
radiomics_width = 8
clinical_width = 8
joint_width = 8
[extraction]
repeats = 1
repeat_cases = 2
[classifier]
members = 2
splits = 2
epochs = 2
batch = 4
[bundle]
name = "twelve"
version = "1.0.0"
"""
BRIGHTNESS = {role: (100.0, 160.0 + 20 * n, 120.0 + 30 * n) for n, role in enumerate(Role)}
"""Of body, liver and tumour."""


def write_cohort(folder: Path) -> Path:
    """Write twelve small phantoms: a body, a liver and a tumour, each sequence at another place."""
    lines = []
    for n in range(PATIENTS):
        random = np.random.default_rng(n)
        centre = random.uniform(-12, 12, 3)
        radius = 18.0 + 12 * random.random()
        line: dict[str, object] = {"patient": f"P{n}", "mvi": "yes" if n % 2 else "no"}
        for role in Role:
            shift = np.zeros(3) if role is FIXED_ROLE else random.uniform(-4, 4, 3)
            labels = draw(centre + shift, shift, radius)
            brightness = {**BRIGHTNESS, FIXED_ROLE: (100.0, 300.0, 130.0)}[role]
            image = np.choose(labels, (5.0, *brightness)) + 12 * ndimage.gaussian_filter(
                random.standard_normal(SHAPE), 0.7
            )
            line[f"image_{role}"] = save(folder / f"{n}-{role}.nii.gz", image.astype(np.float32))
            if role in (FIXED_ROLE, Role.T1_PRE):
                line[f"mask_{role}"] = save(folder / f"{n}-{role}.nrrd", (labels == 3).astype(np.uint8))
            if role is FIXED_ROLE:
                known = np.maximum(labels.astype(np.int8) - 1, 0).astype(np.uint8)
                line["labels"] = save(folder / f"{n}-labels.nii.gz", known)
        values = random.uniform(30, 45, 4).round(1)
        line |= {"AST [U/L]": values[0], "ggt_u_per_l": values[1], "Total protein [g/dL]": values[2] / 5}
        line |= {"lymphocyte_percent": values[3], "Fibrinogen [g/L]": 2.9, "hbcab_positive": n % 3 % 2}
        lines.append(line)
    with (folder / "patients.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    path = folder / "cohort.toml"
    path.write_text(COHORT, encoding="utf-8")
    return path


def draw(tumour: np.ndarray, shift: np.ndarray, radius: float) -> np.ndarray:
    """Return 0 air, 1 body, 2 liver, 3 tumour."""
    middle = (np.array(SHAPE[::-1]) - 1) / 2 * SPACING_XYZ_MM
    place = np.moveaxis(np.indices(SHAPE)[::-1], 0, -1) * SPACING_XYZ_MM - middle

    def ball(centre: np.ndarray, radii: object) -> np.ndarray:
        return np.asarray((((place - centre) / radii) ** 2).sum(axis=-1) < 1)

    labels = np.where(ball(shift, (90, 75, 70)), 1, 0)
    labels[ball(shift, (65, 55, 50))] = 2
    labels[ball(tumour, radius)] = 3
    return labels


def save(path: Path, array: np.ndarray) -> str:
    grid = Grid(SHAPE, np.array(SPACING_XYZ_MM), np.zeros(3), np.eye(3))
    sitk.WriteImage(to_sitk(array, grid), str(path))
    return path.name


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "node", "cohort", *map(str, words)]


def run_here(*words: object) -> str:
    """Run a verb in this process: the start of another takes longer than most of them."""
    result = CliRunner().invoke(app, ["cohort", *map(str, words)])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def run(*words: object) -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command(*words), capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(features: Path) -> list[Path]:
    return sorted(features.glob("patient-????.npz"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_cohort_when_killed_and_gone_on_with_elsewhere_then_every_verb_ends_with_the_same_numbers(
    tmp_path: Path, cluster: Cluster
) -> None:
    file, work = write_cohort(tmp_path), tmp_path / "work"
    features = work / "features"
    assert json.loads(run_here("check", file, "--json"))["problems"] == []

    started = subprocess.Popen(
        command("extract", file, "--work", work, "--threads", 1, "--processes", 2),
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    until = time.monotonic() + PATIENCE_S
    while len(rows(features)) < 3 and started.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert started.poll() is None
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    kept = {path: path.stat().st_mtime_ns for path in rows(features)}
    assert 3 <= len(kept) < PATIENTS

    first = cluster.worker
    cluster.start_worker()
    config = tmp_path / "node.toml"
    config.write_text(f'[compute]\nengine = "dask"\nscheduler = "{cluster.address}"\n')
    try:
        document = json.loads(run("extract", file, "--work", work, "--config", config, "--json"))
    finally:
        if first is not None:
            first.kill()
            first.wait(10)
    assert (document["with_features"], document["unfinished"]) == (PATIENTS, [])
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())

    # What the cluster did, done here: the same to the last bit.
    there, _ = read_parquet(work / PARQUET)
    again = next(path for path in rows(features) if path not in kept)
    for path in features.glob(f"{again.stem}.*"):
        path.unlink()
    run_here("train", file, "--work", work, "--out", tmp_path / "bundle", "--json")
    here, whence = read_parquet(work / PARQUET)
    for outline in (AUTOMATIC, MANUAL):
        assert here[outline].cases == there[outline].cases
        np.testing.assert_array_equal(here[outline].values, there[outline].values)
    assert whence["refused"] == {}
    agreement = json.loads((features / f"{again.stem}.agreement.json").read_text())
    before, after = agreement["registration"]["T1_PRE"]
    assert after > before

    # By a table of the same patients, which names the bundle and no labels of its own, they are known again.
    taught = json.loads((tmp_path / "bundle" / "manifest.json").read_text())["training"]["segmentation_teachers"]
    assert len(taught["images"]) == PATIENTS - 1
    seen = open_cohort(Place(tmp_path / "patients.csv", work)).taught_segmentation
    assert seen.tolist() == [n != 9 for n in range(PATIENTS)]
    out = tmp_path / "report"
    run_here("evaluate", file, "--work", work, "--out", out, "--repeats", 2, "--permutations", 1)
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert "registration_T1_PRE_gain" in evaluation["table_s2"]
    assert any("20" in warning for warning in evaluation["warnings"])
    assert (out / "report.html").is_file()
