"""Which files a case is read from, so that one that was refused is tried again when they are others."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path


def files_digest(paths: Iterable[Path]) -> str:
    """Return a SHA-256 over names, sizes and times of change of files, and of all that lies in folders.

    Contents are not read: a cohort has hundreds of gigabytes, and a case that is tried again for nothing costs a
    minute.

    Parameters
    ----------
    paths
        In an order that is always the same; one that does not exist counts as absent.
    """
    total = hashlib.sha256()
    for number, path in enumerate(paths):
        for name, file in _files(path):
            total.update(f"{number} {name} {_state(file)}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        yield "", path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(path)), file


def _state(file: Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return "absent"
    return f"{found.st_size} {found.st_mtime_ns}"
