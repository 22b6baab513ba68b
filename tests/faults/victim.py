"""A node that is killed and started again, over and over, with the same storage and the same port."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from dicom_io.network.limits import TransportLimits
from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.storage_scu import echo
from node.ledger.ledger import Ledger, open_ledger
from node.storage.folder import LEDGER_FILE
from tests.integration.orthanc import free_port

LOOPBACK, NODE, SCANNER = "127.0.0.1", "MVINODE", "SCANNER"
PATIENCE_S = 90.0
IMPATIENT = TransportLimits(acse_timeout_s=5, network_timeout_s=5, dimse_timeout_s=20)
"""Of a sender that does not wait long for a node that was killed."""

Toml = Mapping[str, Mapping[str, object]]
QUICK: Toml = {
    "node": {"minimum_free_bytes": 1_000_000},
    "completion": {"settle_s": 0.2, "deadline_s": 0.5, "check_every_s": 0.2},
}
SENDER = {"name": "scanner", "ae_title": SCANNER, "host": LOOPBACK, "may_send": True}


@dataclass(frozen=True)
class Haste:
    """What `tests.faults.short_leases` changes in one node.

    Parameters
    ----------
    lease_s
        A worker that has not renewed its claim for so long is gone, s.
    job_waits_s
        How long a study is held before its analysis begins, s.
    """

    lease_s: float
    job_waits_s: float = 0.0


class Zygote:
    """Forks nodes; see `tests.faults.zygote`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def fork(
        self, arguments: Sequence[str], log: Path, environment: Mapping[str, str], haste: Haste | None = None
    ) -> int:
        """Start a node and return its process number."""
        assert self._process.stdin is not None
        order: dict[str, object] = {
            "arguments": list(arguments),
            "log": str(log),
            "environment": dict(environment),
        }
        if haste is not None:
            order["haste"] = asdict(haste)
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def close(self) -> None:
        """End it; nodes are not touched."""
        self._process.communicate(timeout=PATIENCE_S)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        assert answer, "the zygote is gone"
        return answer


@contextmanager
def zygote() -> Iterator[Zygote]:
    """Run a zygote until the block ends."""
    running = Zygote()
    try:
        yield running
    finally:
        running.close()


class Victim:
    """One node.

    Parameters
    ----------
    zygote
        Forks it.
    folder
        Of configuration, log and storage; made.
    settings
        Sections of node.toml, over those of `QUICK`.
    peers
        Beside the scanner.
    environment
        For the node alone.
    haste
        Shortens its leases.
    """

    def __init__(
        self,
        zygote: Zygote,
        folder: Path,
        *,
        settings: Toml | None = None,
        peers: Sequence[Mapping[str, object]] = (),
        environment: Mapping[str, str] | None = None,
        haste: Haste | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.storage = Path(str((settings or {}).get("node", {}).get("storage", folder / "storage")))
        self.port = free_port()
        self.log = folder / "node.log"
        self.process = 0
        self._zygote = zygote
        self._environment = dict(environment or {})
        self._haste = haste
        own = {"node": {"host": LOOPBACK, "port": self.port, "storage": str(self.storage)}}
        text = _toml([QUICK, own, settings or {}], [SENDER, *peers])
        self.configuration = folder / "node.toml"
        self.configuration.write_text(text, encoding="utf-8")

    @property
    def address(self) -> RemoteAE:
        """Where it listens."""
        return RemoteAE(NODE, LOOPBACK, self.port)

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        already = self._times_ready()
        arguments = ["serve", "--config", str(self.configuration)]
        self.process = self._zygote.fork(arguments, self.log, self._environment, self._haste)
        wait_for(lambda: self._times_ready() > already or not is_alive(self.process), "the node is ready")
        assert is_alive(self.process), f"the node did not start\n{self.tail()}"

    def kill_everything(self) -> None:
        """Kill the node with all its processes."""
        os.killpg(self.process, signal.SIGKILL)
        wait_for(lambda: listener(self.port) is None and not is_alive(self.process), "the node is dead")

    def kill_reception(self) -> None:
        """Kill the process that listens; the node starts another."""
        victim = listener(self.port)
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda: listener(self.port) not in (None, victim), "another receiver listens")

    def kill_main(self) -> None:
        """Kill the node itself; its receiver and its workers have to notice."""
        os.kill(self.process, signal.SIGKILL)
        wait_for(lambda: listener(self.port) is None, "the receiver has ended")

    def stop(self) -> None:
        """End it as a supervisor does."""
        if self.process and is_alive(self.process):
            os.kill(self.process, signal.SIGTERM)
            wait_for(lambda: not is_alive(self.process), "the node has stopped")

    def needs_start(self) -> bool:
        """Say whether nothing of it runs any more."""
        return not is_alive(self.process)

    def answers(self) -> bool:
        """Say whether a C-ECHO is answered."""
        try:
            echo(self.address, calling_ae_title=SCANNER)
        except PeerError:
            return False
        return True

    def ledger(self) -> Ledger:
        """Open its embedded ledger, to look."""
        return open_ledger(f"sqlite:///{self.storage / LEDGER_FILE}")

    def processes(self) -> list[int]:
        """Return the numbers of its processes."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
                if fields[2] == str(self.process):  # The process group (proc(5)).
                    found.append(int(stat.parent.name))
        return found

    def tail(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(encoding="utf-8")[-3000:]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if is_alive(self.process):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process, signal.SIGKILL)

    def _times_ready(self) -> int:
        if not self.log.exists():
            return 0
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return sum(line.startswith("ready ") for line in lines)


def wait_for(
    condition: Callable[[], bool], what: str | Callable[[], str], patience_s: float = PATIENCE_S
) -> float:
    """Return after how many seconds the condition held.

    Parameters
    ----------
    what
        What should have happened, for the error; a function is asked once it is too late.

    Raises
    ------
    AssertionError
        It did not within `patience_s`.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > patience_s:
            missed = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {patience_s:.0f} s: {missed}")
        time.sleep(0.02)
    return time.monotonic() - began


def is_alive(process: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def listener(port: int) -> int | None:
    """Return the number of the process that listens on a port of this machine."""
    wanted = f"socket:[{_listening_inode(port)}]"
    for process in Path("/proc").glob("[0-9]*"):
        if any(target == wanted for target in _open_files(process)):
            return int(process.name)
    return None


def _open_files(process: Path) -> Iterator[str]:
    """Yield what a process has open; nothing where it ends meanwhile, as some do on a busy machine."""
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(descriptor.readlink())


def _listening_inode(port: int) -> str:
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:  # 0A: TCP_LISTEN
            return fields[9]
    return ""


def _toml(layers: Sequence[Toml], peers: Sequence[Mapping[str, object]]) -> str:
    merged: dict[str, dict[str, object]] = {}
    for layer in layers:
        for section, values in layer.items():
            merged.setdefault(section, {}).update(values)
    lines = []
    for section, values in merged.items():
        lines += [f"[{section}]", *_assignments(values)]
    for peer in peers:
        lines += ["[[peers]]", *_assignments(peer)]
    return "\n".join(lines) + "\n"


def _assignments(values: Mapping[str, object]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in values.items()]
