"""A model bundle as one file: what is packed, and what is taken out of it and nothing else."""

import json
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from node.models.signature import SIGNATURE, ModelRefusedError

MANIFEST: Final = "manifest.json"
MAXIMUM_TEXT_BYTES: Final = 4_000_000
"""Of the manifest and of the signature."""
MAXIMUM_TENSOR_BYTES: Final = 2_000_000_000
"""Of one file of weights; the bundled ones have 3 and 34 million."""
CHUNK_BYTES: Final = 1 << 20


def pack(folder: Path, archive: Path, signature: bytes | None) -> None:
    """Write the files of a bundle into a new archive.

    Raises
    ------
    FileExistsError
        `archive` is there already.
    """
    names = [MANIFEST, *json.loads((folder / MANIFEST).read_bytes())["files"]]
    # Weights of half precision do not shrink: stored, not deflated.
    with archive.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as target:
        for name in names:
            target.write(folder / name, name)
        if signature is not None:
            target.writestr(SIGNATURE, signature)


def unpack(archive: Path, folder: Path, files: tuple[str, ...]) -> None:
    """Take the files of a bundle out of an archive, each no longer than it may be.

    Parameters
    ----------
    archive
        From anywhere; believed in nothing.
    folder
        Empty.
    files
        Names of the files of weights; each must be there.

    Raises
    ------
    ModelRefusedError
        ``MB-ARCHIVE``: it is no archive, a file is missing, or something else is in it, as a link or a path that
        leads elsewhere. ``MB-SIZE``: a file is longer than it says or than may be.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            entries = _entries(source, files)
            manifest = _take(source, entries[MANIFEST], folder / MANIFEST, MAXIMUM_TEXT_BYTES)
            if SIGNATURE in entries:
                _take(source, entries[SIGNATURE], folder / SIGNATURE, MAXIMUM_TEXT_BYTES)
            for name in files:
                _take(source, entries[name], folder / name, min(_stated(manifest, name), MAXIMUM_TENSOR_BYTES))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise ModelRefusedError(
            "MB-ARCHIVE", f"{archive.name} is no intact zip archive; get it again from where it was packed"
        ) from error


def _entries(source: zipfile.ZipFile, files: tuple[str, ...]) -> Mapping[str, zipfile.ZipInfo]:
    allowed, found = {MANIFEST, SIGNATURE, *files}, {}
    for entry in source.infolist():
        # The name as it is: what is not exactly one of these cannot lead anywhere.
        is_plain = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
        if entry.filename not in allowed or not is_plain or entry.filename in found:
            what = "a link or device" if entry.filename in allowed and not is_plain else "an entry of its own"
            shown = PurePosixPath(entry.filename).name[:40].encode("ascii", "replace").decode()
            raise ModelRefusedError(
                "MB-ARCHIVE",
                f"the archive holds {what}, {shown!r}; a bundle holds {', '.join(sorted(allowed))}, once each",
            )
        found[entry.filename] = entry
    missing = sorted({MANIFEST, *files} - found.keys())
    if missing:
        raise ModelRefusedError("MB-ARCHIVE", f"the archive lacks {', '.join(missing)}; pack the bundle again")
    return found


def _stated(manifest: bytes, name: str) -> int:
    try:
        stated = json.loads(manifest)["files"][name]["bytes"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelRefusedError(
            "MB-ARCHIVE", f"its {MANIFEST} does not tell the length of {name}; pack the bundle again"
        ) from error
    return stated if isinstance(stated, int) else 0


def _take(source: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, longest: int) -> bytes:
    """Write one entry and return its first bytes; what unfolds beyond `longest` is refused, whatever it states."""
    taken, head = 0, b""
    with source.open(entry) as file, path.open("xb") as target:
        while chunk := file.read(CHUNK_BYTES):
            taken += len(chunk)
            if taken > longest:
                raise ModelRefusedError(
                    "MB-SIZE", f"{path.name} is longer than the {longest} bytes it may have; get the bundle again"
                )
            head = head + chunk if len(head) < MAXIMUM_TEXT_BYTES else head
            target.write(chunk)
    return head
