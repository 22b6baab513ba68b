"""A whole study through the node: last image to delivered report, `python -m tests.bench.bench_node --sizes 3`.

`mvi-node serve` in a process of its own, a scanner and an archive on loopback. It scans and matches, sends the
arrays to its worker process, analyses, writes, and sends SEG, report and summary. The clock runs from the end of
the settle time, which a site sets, to the report on the archive's disk. A study before it warms the worker.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from sqlalchemy import select

from dicom_io.network.requestor import RemoteAE
from dicom_io.network.storage_scu import send_files
from dicom_io.phantom_series import write_phantom_study
from node.ledger import schema
from node.ledger.connection import make_engine
from node.storage.folder import LEDGER_FILE
from pipeline.phantom import make_case
from tests.bench.full_size import DIAMETERS_MM, SEED, full_size_case
from tests.integration.orthanc import free_port
from tests.integration.service import LOOPBACK, RunningNode, running_node

COMMAND = "python -m tests.bench.bench_node"
SCANNER, ARCHIVE = "SCANNER", "STOCK"
SETTLE_S, CHECK_EVERY_S = 1.0, 0.2
PATIENCE_S = 600.0
PARTS = {"complete": "claim", "claim": "analysed", "analysed": "report stored"}
"""Events of the history that end a part, by the event that begins it."""


def delivered_s(size_cm: int, folder: Path) -> dict[str, float]:
    """Send two studies one after the other, and time the second.

    Parameters
    ----------
    size_cm
        Nominal size of its tumour.
    folder
        Empty.

    Returns
    -------
    dict
        By part (`PARTS`) and ``whole``, s.
    """
    warm, measured = folder / "warm", folder / "measured"
    write_phantom_study(make_case(SEED), warm)
    write_phantom_study(full_size_case(size_cm), measured)
    with archive(folder / "archive") as port:
        peers: list[dict[str, object]] = [
            {"name": "scanner", "ae_title": SCANNER, "host": LOOPBACK, "may_send": True},
            {"name": "pacs", "ae_title": ARCHIVE, "host": LOOPBACK, "port": port, "receives_results": True},
        ]
        completion = {"settle_s": SETTLE_S, "check_every_s": CHECK_EVERY_S}
        with running_node(folder / "node", 0, peers, **completion) as node:
            for study in (warm, measured):
                uid = send(study / "dicom", node)
                stored = report_stored(folder / "archive", uid)
            times = dict(history(folder / "node" / "storage", uid))
    times["report stored"] = stored
    parts = {f"{begin} to {end}": times[end] - times[begin] for begin, end in PARTS.items()}
    return {**parts, "whole": stored - times["complete"]}


@contextmanager
def archive(folder: Path) -> Iterator[int]:
    """Run an archive that writes what it gets into `folder`; yields its port."""
    folder.mkdir()
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.stock_receiver", "write", str(folder), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait(10)


def send(folder: Path, node: RunningNode) -> str:
    """Send a study to the node; returns its UID."""
    files = sorted(folder.rglob("*.dcm"))
    outcomes = send_files(files, RemoteAE(node.ae_title, LOOPBACK, node.port), calling_ae_title=SCANNER)
    refused = [outcome for outcome in outcomes if outcome.status != 0]
    if refused:
        raise RuntimeError(f"{len(refused)} of {len(files)} images were not taken: {refused[0].message}")
    return str(dcmread(files[0], specific_tags=["StudyInstanceUID"]).StudyInstanceUID)


def report_stored(folder: Path, study_instance_uid: str) -> float:
    """Wait for the report of a study, and return when the archive had written it, s since 1970."""
    until_s = time.monotonic() + PATIENCE_S
    known: set[Path] = set()
    while time.monotonic() < until_s:
        for path in set(folder.glob("*.dcm")) - known:
            found = dcmread(path, force=True, specific_tags=["Modality", "StudyInstanceUID"])
            known.add(path)
            if (found.get("Modality"), found.get("StudyInstanceUID")) == ("SR", study_instance_uid):
                return path.stat().st_mtime
        time.sleep(0.1)
    raise TimeoutError(f"no report of {study_instance_uid} within {PATIENCE_S:.0f} s")


def history(storage: Path, study_instance_uid: str) -> Iterator[tuple[str, float]]:
    """Yield the events of a study and their times, s since 1970; the verbs show whole seconds."""
    engine = make_engine(f"sqlite:///{storage / LEDGER_FILE}")
    events = schema.events.c
    query = select(events.event, events.at).where(events.study_instance_uid == study_instance_uid)
    with engine.connect() as connection:
        for event, at in connection.execute(query.order_by(events.number)):
            yield str(event), at.timestamp()
    engine.dispose()


def main() -> int:
    """Print the parts of each study as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", choices=DIAMETERS_MM, default=list(DIAMETERS_MM))
    for size_cm in parser.parse_args().sizes:
        with tempfile.TemporaryDirectory() as folder:
            parts = delivered_s(size_cm, Path(folder))
        rounded = {name: round(seconds, 2) for name, seconds in parts.items()}
        sys.stdout.write(f"{json.dumps({'tumour_cm': size_cm, **rounded})}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
