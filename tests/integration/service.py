"""The node as its users run it: `mvi-node serve` in a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_S = 60.0
LOOPBACK = "127.0.0.1"


def mvi_node(*arguments: str, timeout_s: float = 300.0) -> "subprocess.CompletedProcess[str]":
    """Run one verb of the command line."""
    command = [sys.executable, "-m", "node", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


@dataclass(frozen=True)
class RunningNode:
    """A node that accepts associations."""

    ae_title: str
    port: int
    configuration: Path
    log: Path

    def json(self, *arguments: str) -> Any:
        """Return the JSON document of a verb run against this node's configuration."""
        result = mvi_node(*arguments, "--json", "--config", str(self.configuration))
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def wait_for_state(self, study_instance_uid: str, wanted: Sequence[str], timeout_s: float) -> dict[str, Any]:
        """Poll `studies show` until the study is in one of the wanted states."""
        deadline = time.monotonic() + timeout_s
        document: dict[str, Any] = {}
        while time.monotonic() < deadline:
            result = mvi_node("studies", "show", study_instance_uid, "--json", "--config", str(self.configuration))
            if result.returncode == 0:
                document = json.loads(result.stdout)
                if document["state"] in wanted:
                    return document
            time.sleep(2.0)  # Each look is a process of its own, and takes time from the analysis.
        tail = self.log.read_text(encoding="utf-8")[-3000:]
        raise AssertionError(f"state {document.get('state')} after {timeout_s:.0f} s\n{tail}")


@contextmanager
def running_node(
    folder: Path, port: int, peers: Sequence[Mapping[str, object]], **completion: float
) -> Iterator[RunningNode]:
    """Run `mvi-node serve` with its storage in `folder` until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration, log_path = folder / "node.toml", folder / "node.log"
    write_configuration(configuration, folder / "storage", port, peers, **completion)
    with log_path.open("wb") as log:
        command = [sys.executable, "-m", "node", "serve", "--config", str(configuration)]
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            bound = wait_until_ready(process, log_path)
            yield RunningNode("MVINODE", bound, configuration, log_path)
        finally:
            process.terminate()
            process.wait(30)


def write_configuration(
    path: Path, storage: Path, port: int, peers: Sequence[Mapping[str, object]], **completion: float
) -> None:
    """Write a node.toml."""
    lines = [
        "[node]", f'host = "{LOOPBACK}"', f"port = {port}", f"storage = {json.dumps(str(storage))}",
        "minimum_free_bytes = 1_000_000", "[completion]",
    ]  # fmt: skip
    lines += [f"{key} = {value}" for key, value in completion.items()]
    for peer in peers:
        lines += ["[[peers]]"] + [f"{key} = {json.dumps(value)}" for key, value in peer.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> int:
    """Wait until a node says that it is ready, and return its port."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        text = log.read_text(encoding="utf-8")
        for line in text.splitlines():
            if line.startswith("ready "):
                return int(line.split("port=")[1].split()[0])
        assert process.poll() is None, text
        time.sleep(0.1)
    raise AssertionError("the node was not ready in time")
