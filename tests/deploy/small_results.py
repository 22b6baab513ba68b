"""Results of a small study, from which the attributes in the conformance statement are taken.

usage: python -m tests.deploy.small_results FOLDER
"""

import shutil
import sys
import tempfile
from pathlib import Path

from node.ledger.records import ObjectKind
from tests.conformance.written import write_case


def write_small_results(folder: Path) -> None:
    """Write ``seg.dcm``, ``sr.dcm`` and ``summary.dcm``."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        results = write_case(Path(work), "axial").results
        for kind, path in zip(ObjectKind, (results.seg, results.sr, results.summary_sc), strict=True):
            assert path is not None
            shutil.copy(path, folder / f"{kind}.dcm")


if __name__ == "__main__":
    write_small_results(Path(sys.argv[1]))
