"""Which code a model was made with: a commit where there is one, and always a checksum over the sources."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("config", "pipeline", "dicom_io")
"""What computes; the node around it changes no number."""


def code_identity(root: Path = ROOT) -> dict[str, str]:
    """Return ``commit`` where `root` is a checkout, and ``sources_sha256``, which also tells of changes in it."""
    total = hashlib.sha256()
    for path in sorted(file for package in PACKAGES for file in (root / package).rglob("*.py")):
        total.update(f"{path.relative_to(root).as_posix()}\n".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    commit = _commit(root)
    return {**({"commit": commit} if commit else {}), "sources_sha256": total.hexdigest()}


def _commit(root: Path) -> str:
    git = shutil.which("git")
    # Installed below the checkout of something else, the commit found would be of that.
    if git is None or not (root / ".git").exists():
        return ""
    asked = subprocess.run(
        [git, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""
