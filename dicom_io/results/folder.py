"""A folder of result files that get their names together, when all of them are good."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from pydicom.dataset import Dataset

from dicom_io.results.document import Json
from dicom_io.results.page_frame import Rgb
from dicom_io.saving import save

SEG, SR, PAGE, PAGE_DICOM, DOCUMENT = "seg.dcm", "sr.dcm", "summary.png", "summary.dcm", "result.json"
_UNFINISHED = ".part"


@dataclass
class ResultFolder:
    """Files under unfinished names, until `finish`.

    Parameters
    ----------
    out
        The folder; made with the first file.
    pending
        Final names of the files written so far.
    """

    out: Path
    pending: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        """Return where to write a file of the final `name`."""
        self.out.mkdir(parents=True, exist_ok=True)
        self.pending.append(name)
        return self.out / f"{name}{_UNFINISHED}"

    def save(self, ds: Dataset, name: str) -> Path:
        """Write a DICOM file and return its unfinished path."""
        path = self.path(name)
        save(ds, path)
        return path

    def save_page(self, page: Rgb, capture: Dataset) -> None:
        """Write a page as a picture and as DICOM."""
        Image.fromarray(page).save(self.path(PAGE), format="PNG")
        self.save(capture, PAGE_DICOM)

    def finish(self, document: Json) -> None:
        """Name the files, the document last, and remove what an earlier result left that this one has not."""
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        self.path(DOCUMENT).write_text(f"{text}\n", encoding="utf-8")
        for name in {SEG, SR, PAGE, PAGE_DICOM} - set(self.pending):
            (self.out / name).unlink(missing_ok=True)
        for name in self.pending:
            unfinished = self.out / f"{name}{_UNFINISHED}"
            _sync(unfinished)
            unfinished.replace(self.out / name)
        _sync(self.out)

    def discard(self) -> None:
        """Remove unfinished files."""
        for name in self.pending:
            (self.out / f"{name}{_UNFINISHED}").unlink(missing_ok=True)

    def named(self, name: str) -> Path | None:
        """Return the final path of a file of this result; None where it has none."""
        return self.out / name if name in self.pending else None


def _sync(path: Path) -> None:
    """Make a file or folder durable: the ledger will say that the result exists."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
