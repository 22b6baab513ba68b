"""The walls of the house: import-linter's contracts and the rules it cannot express."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("node", "dicom_io", "pipeline", "config")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


FORBIDDEN_CALLS = {"eval", "exec", "print"}
FORBIDDEN_IMPORTS = {"pickle", "dill", "shelve", "marshal", "cloudpickle", "joblib"}
FORBIDDEN_METHODS = {
    ("yaml", "load"),
    ("yaml", "unsafe_load"),
    ("os", "system"),
    ("os", "popen"),
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_holds_no_pickle_eval_or_bare_print(path: Path) -> None:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            found.append(f"line {node.lineno}: {node.func.id}()")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and (owner.id, node.func.attr) in FORBIDDEN_METHODS:
                found.append(f"line {node.lineno}: {owner.id}.{node.func.attr}()")
            if isinstance(owner, ast.Name) and (owner.id, node.func.attr) == ("torch", "load"):
                found += [] if _weights_only(node) else [f"line {node.lineno}: torch.load() without weights_only"]
            found += [f"line {node.lineno}: {key.arg}=" for key in node.keywords if _allows_pickle(key)]
        if isinstance(node, ast.Import):
            found += [f"line {node.lineno}: {a.name}" for a in node.names if a.name in FORBIDDEN_IMPORTS]
        if isinstance(node, ast.ImportFrom) and node.module in FORBIDDEN_IMPORTS:
            found.append(f"line {node.lineno}: {node.module}")
    assert not found


def _allows_pickle(key: ast.keyword) -> bool:
    return key.arg == "allow_pickle" and not (isinstance(key.value, ast.Constant) and key.value.value is False)


def _weights_only(call: ast.Call) -> bool:
    return any(
        key.arg == "weights_only" and isinstance(key.value, ast.Constant) and key.value.value is True
        for key in call.keywords
    )


def test_torch_load_when_in_the_product_then_reads_the_checkpoint_of_an_own_training_alone() -> None:
    # What comes from elsewhere is safetensors: weights_only was broken twice (CVE-2025-32434, CVE-2026-24747).
    readers = [path.name for path in SOURCES if "torch.load(" in path.read_text(encoding="utf-8")]
    assert readers == ["checkpoint.py"]


def test_itk_when_in_the_product_then_reads_no_file() -> None:
    # Its DICOM reader is GDCM (CVE-2026-3650). The label maps of a site's own cohort and of our own phantoms are
    # NIfTI, and read offline.
    words = ("ReadImage", "ImageFileReader", "ImageSeriesReader", "imread(", "itk.image_from_file")
    readers = [path.name for path in SOURCES if any(word in path.read_text(encoding="utf-8") for word in words)]
    assert sorted(readers) == ["segmentation_facts.py", "sources.py"]


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_only_the_scheduler_imports_apscheduler() -> None:
    importers = [path.name for path in SOURCES if any(name.startswith("apscheduler") for name in _imported(path))]
    assert importers == ["scheduler.py"]
