"""What is installed is what was tested, comes with its hash, and runs no code that it was only to read."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from deploy.write_lock import canonical, pinned

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "deploy" / f"requirements-{name}.lock" for name in ("cpu", "gpu")]
ADVISORIES = tomllib.loads((ROOT / "deploy/advisories.toml").read_text(encoding="utf-8"))["advisory"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TESTED = pinned(ROOT / "constraints.txt")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_lock_when_read_then_every_package_is_the_tested_one_and_has_hashes(lock: Path) -> None:
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8"))[1:]
    assert len(entries) > 80
    for entry in entries:
        name, version = re.fullmatch(r"(?s)([\w.-]+)==([^\s\\]+).*", entry).groups()  # type: ignore[union-attr]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), name
        tested = TESTED.get(canonical(name))
        # CUDA, which no machine of the tests has, is in the lock of the GPU alone.
        assert tested is None or tested == version.partition("+")[0], name
        assert tested is not None or "gpu" in lock.name, name


def test_locks_when_made_then_only_that_of_the_gpu_brings_cuda() -> None:
    cpu, gpu = (pinned(lock) for lock in LOCKS)
    assert cpu["torch"] == f"{gpu['torch']}+cpu"
    assert not [name for name in cpu if name.startswith("nvidia-")]
    assert [name for name in gpu if name.startswith("nvidia-")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_lock_when_compared_with_the_project_then_names_every_dependency(lock: Path) -> None:
    versions = pinned(lock)
    for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dask"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(versions[canonical(wanted.name)]), text


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda item: item["id"])
def test_advisory_when_versions_are_compared_then_none_is_pinned(advisory: dict[str, str]) -> None:
    affected = SpecifierSet(advisory["affected"], prereleases=True)
    for path in (*LOCKS, ROOT / "constraints.txt"):
        version = pinned(path).get(canonical(advisory["package"]))
        assert version is None or not affected.contains(version), f"{path.name}: {advisory['package']} {version}"


FORBIDDEN = '''"""Every line is forbidden in the product."""

import pickle
import subprocess

import yaml


def run(text: str) -> None:
    """Do what must not be done."""
    eval(text)
    exec(text)
    pickle.loads(text)
    yaml.load(text)
    subprocess.run(text, shell=True)
    subprocess.getoutput(text)
'''
RULES = {"S307", "S102", "S301", "S506", "S602", "S605"}
"""eval, exec, pickle, yaml.load, a shell, a shell behind the back; tests/test_architecture.py knows more."""


@pytest.mark.parametrize("package", ["node", "dicom_io", "pipeline", "config"])
def test_lint_when_the_product_would_run_what_it_reads_then_forbids_it(package: str) -> None:
    command = [str(Path(sys.executable).with_name("ruff")), "check", "--output-format", "json"]
    command += [
        "--config",
        str(ROOT / "pyproject.toml"),
        "--stdin-filename",
        str(ROOT / package / "example.py"),
        "-",
    ]
    result = subprocess.run(command, input=FORBIDDEN, capture_output=True, text=True, check=False, cwd=ROOT)
    assert {finding["code"] for finding in json.loads(result.stdout)} >= RULES


def test_source_when_read_then_no_such_rule_is_switched_off_by_a_comment() -> None:
    silenced = re.compile(r"noqa:.*\b(S102|S30\d|S506|S60[2457])\b")
    for package in ("node", "dicom_io", "pipeline", "config"):
        for path in (ROOT / package).rglob("*.py"):
            assert not silenced.search(path.read_text(encoding="utf-8")), path


def test_bill_of_materials_when_made_then_names_every_package_with_its_version(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.json"
    command = [str(Path(sys.executable).with_name("cyclonedx-py")), "requirements", str(LOCKS[0])]
    command += ["--output-reproducible", "--no-validate", "--output-file", str(bill)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    document = json.loads(bill.read_text(encoding="utf-8"))
    found = {canonical(part["name"]): part["version"] for part in document["components"]}
    assert found == pinned(LOCKS[0])
