"""The walls of the house: import-linter's contracts and the rules it cannot express."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("node", "dicom_io", "pipeline", "config")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_torch_load_when_in_the_product_then_reads_the_checkpoint_of_an_own_training_alone() -> None:
    # What comes from elsewhere is safetensors: weights_only was broken twice (CVE-2025-32434, CVE-2026-24747).
    readers = [path.name for path in SOURCES if "torch.load(" in path.read_text(encoding="utf-8")]
    assert readers == ["checkpoint.py"]


def test_itk_when_in_the_product_then_reads_no_file() -> None:
    # Its DICOM reader is GDCM (CVE-2026-3650). A site's own cohort and the truth of our own phantoms are read
    # offline, the cohort by the readers of NIfTI and NRRD alone.
    words = ("ReadImage", "ImageFileReader", "ImageSeriesReader", "imread(", "itk.image_from_file")
    readers = [path.name for path in SOURCES if any(word in path.read_text(encoding="utf-8") for word in words)]
    assert sorted(readers) == ["image_files.py", "segmentation_facts.py"]


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


def test_main_process_when_its_model_is_loaded_then_holds_no_library_of_the_workers() -> None:
    # The stages run in worker processes; torch alone would take 180 MB of the process that answers scanners.
    look = (
        "import sys, node.app\n"
        "from config.settings import Settings\n"
        "from node.models.choice import load_active_bundle\n"
        "load_active_bundle(Settings())\n"
        "print([name for name in ('torch', 'openvino', 'itk', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
