"""How fast instances are received: `python -m tests.bench.bench_ingest`, or `make bench-ingest`.

Every receiver gets the same instances from the same sender, DCMTK's storescu, in the same run, in turn. Ours
answers after fsync of file and folder and a committed row of the ledger; of the others Orthanc alone syncs, in its
default setting, and the file alone.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench import ingest_receivers
from tests.bench.figure import Figure
from tests.bench.ingest_receivers import SENDER, Receiver
from tests.unit.dicom_io.network.instances import mr_instance

COMMAND = "python -m tests.bench.bench_ingest"
INSTANCES = 600
ROUNDS = 3
AT_ONCE = 4
_UID = "2.25.{:020d}"
_PLACE = _UID.format(10**19)

Start = Callable[[Path], AbstractContextManager[Receiver]]
RECEIVERS: Mapping[str, Start] = {
    "ours (fsync, ledger)": ingest_receivers.ours,
    "Orthanc (fsync)": ingest_receivers.orthanc,
    "Orthanc, no fsync": ingest_receivers.orthanc_without_fsync,
    "pynetdicom, write": ingest_receivers.stock_writing,
    "pynetdicom, decode and save": ingest_receivers.stock_decoding,
    "DCMTK storescp": ingest_receivers.dcmtk,
}
OURS, ORTHANC, STOCK, DCMTK = "ours (fsync, ledger)", "Orthanc (fsync)", "pynetdicom, write", "DCMTK storescp"


@dataclass(frozen=True)
class Load:
    """One way of sending.

    Parameters
    ----------
    rows
        Of the square image, 16 bit.
    associations
        At once; the instances are shared among them.
    nagle
        Whether the sender leaves Nagle's algorithm on.
    """

    name: str
    rows: int
    associations: int = 1
    nagle: bool = False


ONE = Load("320 x 320, one association", 320)
FOUR = Load("320 x 320, four at once", 320, associations=AT_ONCE)
SMALL = Load("256 x 256, one association", 256)
NAGLE = Load("256 x 256, sender with Nagle", 256, nagle=True)
LOADS = (ONE, FOUR, SMALL, NAGLE)
NO_NAGLE_ONLY = frozenset({"pynetdicom, decode and save"})
"""Of no interest with Nagle: it waits for the acknowledgement, whatever it does then."""


@dataclass(frozen=True)
class Taken:
    """What one receiver took for one load.

    Parameters
    ----------
    seconds
        Until the last sender had ended.
    processor_s
        User and system time of its processes: on a busy machine a better measure than `seconds`.
    """

    seconds: float
    processor_s: float


Times = dict[tuple[str, str], Taken]


class Study:
    """Instances of one size, made from one template; UIDs are as long as their place holder."""

    def __init__(self, rows: int) -> None:
        ds = mr_instance(sop_instance_uid=_PLACE, study_instance_uid=_UID.format(10**19 + 1), rows=rows)
        noise = np.random.default_rng(rows).integers(0, 4096, rows * rows, dtype=np.uint16)
        ds.PixelData = noise.tobytes()
        with tempfile.TemporaryDirectory() as folder:
            ds.save_as(Path(folder) / "template.dcm", enforce_file_format=True)
            self._template = (Path(folder) / "template.dcm").read_bytes()
        self._next = 0

    def write(self, folders: Sequence[Path], count: int) -> None:
        """Write `count` new instances, shared among the folders."""
        for folder in folders:
            folder.mkdir(parents=True)
        for number in range(count):
            self._next += 1
            content = self._template.replace(_PLACE.encode(), _UID.format(10**18 + self._next).encode())
            (folders[number % len(folders)] / f"{number:04d}.dcm").write_bytes(content)


def outgoing(load: Load, study: Study, count: int, place: Path) -> list[Path]:
    """Write what is sent under one load to every receiver; return a folder for each association.

    The files stay until all is measured: before ext4 without a journal makes a file, it looks at every inode that
    was deleted lately, which took a receiver up to 0.7 ms an instance.
    """
    folders = [place / str(number) for number in range(load.associations)]
    study.write(folders, count)
    return folders


def send(folders: Sequence[Path], load: Load, receiver: Receiver) -> float:
    """Send each folder on an association of its own, all at once; return the seconds until the last has ended."""
    environment = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    if not load.nagle:
        environment["TCP_NODELAY"] = "1"
    peer = ("-aet", SENDER, "-aec", receiver.ae_title, "127.0.0.1", str(receiver.port))
    began = time.perf_counter()
    senders = [
        subprocess.Popen(
            ["/usr/bin/storescu", *peer, "+sd", str(folder)], env=environment, stdout=subprocess.DEVNULL
        )
        for folder in folders
    ]
    codes = [sender.wait(600) for sender in senders]
    took = time.perf_counter() - began
    if any(codes):
        raise RuntimeError(f"{receiver.ae_title} did not take everything: {codes}")
    return took


def measure(
    loads: Sequence[Load], receivers: Mapping[str, Start], *, instances: int = INSTANCES, rounds: int = ROUNDS
) -> Times:
    """Return the medians for each load and receiver; the receivers take turns, a round after another."""
    taken: dict[tuple[str, str], list[Taken]] = {}
    studies = {rows: Study(rows) for rows in {load.rows for load in loads}}
    with tempfile.TemporaryDirectory() as root:
        sets = [
            outgoing(load, studies[load.rows], instances, Path(root) / f"sent-{number}")
            for number, load in enumerate(loads)
        ]
        for number in range(rounds):
            for name, start in receivers.items():
                place = Path(root) / f"{number}-{name.split()[0]}-{len(name)}"
                with ingest_receivers.without_nagle(), start(place) as receiver:
                    ingest_receivers.wait_until_quiet()
                    for load, folders in zip(loads, sets, strict=True):
                        if load.nagle and name in NO_NAGLE_ONLY:
                            continue
                        used_s = ingest_receivers.processor_s()
                        seconds = send(folders, load, receiver)
                        used_s = ingest_receivers.processor_s() - used_s
                        taken.setdefault((load.name, name), []).append(Taken(seconds, used_s))
                        sys.stderr.write(f"  {name}, {load.name}: {cell(taken[load.name, name][-1], instances)}\n")
    return {
        key: Taken(
            statistics.median(one.seconds for one in each), statistics.median(one.processor_s for one in each)
        )
        for key, each in taken.items()
    }


def cell(taken: Taken, instances: int = INSTANCES) -> str:
    """Return instances a second, and the milliseconds of processor time of one."""
    return f"{instances / taken.seconds:.0f}/s, {1000 * taken.processor_s / instances:.2f} ms"


def figures_of(times: Times, instances: int = INSTANCES) -> list[Figure]:
    """Return the figures for `make bench`; each beside the receiver that it is compared with."""

    def rate(load: Load, name: str) -> float:
        return instances / times[load.name, name].seconds

    return [
        Figure(
            f"receive {instances} MR of {ONE.name}, against Orthanc",
            times[ONE.name, OURS].seconds, times[ONE.name, ORTHANC].seconds, "<= Orthanc", "s", COMMAND,
        ),
        Figure(
            f"receive {instances} MR of {FOUR.name}, against Orthanc",
            times[FOUR.name, OURS].seconds, times[FOUR.name, ORTHANC].seconds, "< Orthanc", "s", COMMAND,
        ),
        Figure(
            f"receive MR of {SMALL.name}, against DCMTK",
            rate(SMALL, OURS), rate(SMALL, DCMTK), ">= 300 /s", "/s", COMMAND,
        ),
        Figure(
            f"receive MR of {NAGLE.name}, against pynetdicom",
            rate(NAGLE, OURS), rate(NAGLE, STOCK), ">= 250 /s", "/s", COMMAND,
        ),
    ]  # fmt: skip


def figures() -> list[Figure]:
    """Return the figures for `make bench`, of one round."""
    return figures_of(measure(LOADS, RECEIVERS, rounds=1))


def main() -> int:
    """Print every receiver at every load; exit 1 where ours is slower than Orthanc."""
    load_before = os.getloadavg()[0]
    times = measure(LOADS, RECEIVERS)
    title = f"{INSTANCES} instances, median of {ROUNDS}: instances a second, processor time of one in the receiver"
    table = Table("receiver", *(load.name for load in LOADS), title=title)
    for name in RECEIVERS:
        found = [times.get((load.name, name)) for load in LOADS]
        table.add_row(name, *("" if one is None else cell(one) for one in found))
    Console(width=160).print(table)
    for figure in figures_of(times):
        sys.stdout.write(
            f"{figure.name}: {figure.ours:.2f} and {figure.baseline:.2f} {figure.unit}, goal {figure.goal}\n"
        )
    sys.stdout.write(f"load of the machine: {load_before:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    slower = [load for load in (ONE, FOUR) if times[load.name, OURS].seconds > times[load.name, ORTHANC].seconds]
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
