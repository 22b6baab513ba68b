"""The programs around the demonstration: an embedded PACS and the node, on free loopback ports."""

import json
import multiprocessing
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.errors import NodeError
from config.settings import Settings
from dicom_io.network.archive import ArchiveSettings, run_archive
from dicom_io.network.requestor import RemoteAE
from node.interrupts import unheard_by_children
from node.models.choice import model_folders

LOOPBACK = "127.0.0.1"
NODE, PACS, SCANNER = "MVINODE", "DEMOPACS", "SCANNER"
START_S = 60.0
STOP_S = 30.0
POLL_S = 0.2

CONFIGURATION_FILE = "node.toml"
CONFIGURATION = """\
# Written by `mvi-node demo`: loopback only, short waits.
[node]
ae_title = "{node}"
host = "{host}"
port = {node_port}
storage = {storage}
minimum_free_bytes = 100_000_000

[completion]
settle_s = 2.0
deadline_s = 600.0
check_every_s = 0.5

[[peers]]
name = "scanner"
ae_title = "{scanner}"
host = "{host}"
may_send = true

[[peers]]
name = "pacs"
ae_title = "{pacs}"
host = "{host}"
port = {pacs_port}
receives_results = true
"""


IsAlive = Callable[[], bool]


class DemoFailedError(NodeError):
    """The loop did not close; the message says at which step and where the log is."""


def free_port() -> int:
    """Return a TCP port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_archive(folder: Path, node_port: int) -> Iterator[tuple[int, IsAlive]]:
    """Run the embedded PACS with its files in `folder`; yield its port and whether it still runs."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    stop = context.Event()
    callbacks = {NODE: RemoteAE(NODE, LOOPBACK, node_port)}
    settings = ArchiveSettings(folder, PACS, LOOPBACK, 0, callbacks)
    process = context.Process(target=run_archive, args=(settings, theirs, stop), name="pacs", daemon=True)
    with unheard_by_children():
        process.start()
    try:
        answer = mine.recv() if mine.poll(START_S) else "it did not start in time"
        if not isinstance(answer, int):
            raise DemoFailedError(f"embedded PACS: {answer}")
        yield answer, process.is_alive
    finally:
        # Not by the event: one whose waiter was killed can no longer be set.
        process.terminate()
        process.join(STOP_S)
        if process.is_alive():
            process.kill()


def configuration_text(out: Path, node_port: int, pacs_port: int, site: Settings | None) -> str:
    """Return the configuration of the demonstration, with the model and the series rules of a site.

    Nothing else of a site is used: a demonstration must not call its peers or write to its storage.
    """
    text = CONFIGURATION.format(
        node=NODE, host=LOOPBACK, node_port=node_port, scanner=SCANNER, pacs=PACS, pacs_port=pacs_port,
        storage=json.dumps(str((out / "node").resolve())),
    )  # fmt: skip
    if site is None:
        return text
    rules = str(Path(site.matching.rules).resolve()) if site.matching.rules else ""
    (models,) = model_folders(site)
    return (
        f"{text}\n[matching]\nrules = {json.dumps(rules)}\n"
        f"\n[model]\nactive = {json.dumps(site.model.active)}\nfolder = {json.dumps(str(models.resolve()))}\n"
    )


@contextmanager
def running_node(out: Path, node_port: int, pacs_port: int, site: Settings | None = None) -> Iterator[IsAlive]:
    """Run the node, configured and logged in `out`, until the block ends; yield whether it still runs."""
    configuration = out / CONFIGURATION_FILE
    configuration.write_text(configuration_text(out, node_port, pacs_port, site), encoding="utf-8")
    log_path = out / "node.log"
    with log_path.open("wb") as log:
        command = [sys.executable, "-m", "node", "serve", "--config", str(configuration)]
        with unheard_by_children():
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _wait_until_ready(process, log_path)
            yield lambda: process.poll() is None
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", log_path: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        text = log_path.read_text(encoding="utf-8", errors="replace")
        if any(line.startswith("ready ") for line in text.splitlines()):
            return
        if process.poll() is not None:
            raise DemoFailedError(
                f"the node did not start: {text.strip().splitlines()[-1] if text.strip() else ''}"
            )
        time.sleep(POLL_S)
    raise DemoFailedError(f"the node was not ready after {START_S:.0f} s; see {log_path}")
