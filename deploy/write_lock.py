"""Write the lock of a wheelhouse: every wheel in it with its hash, and nothing else may be installed.

usage: python deploy/write_lock.py FOLDER LOCK
"""

import hashlib
import re
import sys
from pathlib import Path


def canonical(name: str) -> str:
    """Return one spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(lock: Path) -> dict[str, str]:
    """Return the versions that a lock file demands, by canonical name."""
    lines = re.findall(r"^([A-Za-z0-9][\w.-]*)==([^\s\\;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonical(name): version for name, version in lines}


def main(folder: Path, lock: Path) -> str:
    """Write ``requirements.lock`` into `folder`; return what is wrong, if anything."""
    found: dict[str, tuple[str, str]] = {}
    for wheel in sorted(folder.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        if canonical(name) in found:
            return f"two wheels of {name} in {folder}: empty it first"
        found[canonical(name)] = version, hashlib.sha256(wheel.read_bytes()).hexdigest()
    wanted = pinned(lock)
    absent = sorted(set(wanted) - set(found))
    surplus = sorted(set(found) - set(wanted) - {"mvi-node"})
    if absent or surplus:
        return f"{folder} does not fit {lock}: absent {absent}, not asked for {surplus}; empty it first"
    lines = [f"{name}=={version} --hash=sha256:{digest}" for name, (version, digest) in sorted(found.items())]
    (folder / "requirements.lock").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])) or 0)
