"""A disk that is really full: a small tmpfs that the inbox, or the ledger as well, lies on; or a quota."""

import resource
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.scanner import Sending, Shot, lost_or_doubled, shoot, unfinished_files
from tests.faults.victim import Toml, Victim, Zygote, listener, wait_for, zygote

DISK_BYTES = 8_000_000
OUT_OF_RESOURCES = 0xA700
ROWS = 256
"""130 kB an instance."""
QUOTA_BYTES = 60_000
KEPT = "{} instances answered 0xA700 and kept when space was back"
PATIENT: Toml = {"completion": {"settle_s": 60.0, "deadline_s": 600.0}}


def full_disk(folder: Path, cases: int) -> FaultRecord:
    """Fill the disk while a study arrives, then give space back.

    A case is one full disk: with the ledger on it or elsewhere, found by the watermark or by the first write that
    fails.
    """
    failures: list[str] = []
    refused = 0
    if not _may_mount(folder):
        instead = quota(folder, cases)
        return replace(
            instead, name="disk full", detail=f"by a quota, as nothing may be mounted; {instead.detail}"
        )
    with zygote() as nodes:
        for number in range(cases):
            here = folder / str(number)
            with _small_disk(here / "disk") as disk:
                shares, watermark = bool(number % 2), (number // 2 % 2) * 1_000_000
                found, problems = _one(nodes, here, disk, shares, watermark)
            refused += found
            failures += [f"case {number}: {problem}" for problem in problems]
    return record("disk full", cases, failures, KEPT.format(refused))


def quota(folder: Path, cases: int) -> FaultRecord:
    """Let no file of the receiver grow beyond a part of an instance while a study arrives, then let it again.

    Every user may do that to a process of his own, and each file breaks off in the middle, as on a full disk.
    """
    failures: list[str] = []
    refused = 0
    with zygote() as nodes:
        for number in range(cases):
            here = folder / f"quota-{number}"
            with Victim(nodes, here / "node", settings=PATIENT) as victim:
                found, problems = _fill(victim, here, _limited(victim))
            refused += found
            failures += [f"case {number}: {problem}" for problem in problems]
    return record("files may not grow", cases, failures, KEPT.format(refused))


def _one(nodes: Zygote, folder: Path, disk: Path, shares: bool, watermark: int) -> tuple[int, list[str]]:
    settings: dict[str, Mapping[str, object]] = {
        **PATIENT,
        "node": {"storage": str(disk / "storage"), "minimum_free_bytes": watermark},
    }
    if not shares:
        settings["ledger"] = {"url": f"sqlite:///{folder / 'ledger.sqlite'}"}

    def give_back() -> None:
        ballast.unlink()
        subprocess.run(["/bin/mount", "-o", f"remount,size={5 * DISK_BYTES}", str(disk)], check=True)

    with Victim(nodes, folder / "node", settings=settings) as victim:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(3_000_000))
        return _fill(victim, folder, give_back)


def _fill(victim: Victim, folder: Path, give_back: Callable[[], object]) -> tuple[int, list[str]]:
    """Send until there is no space, look, give space back, send the rest; return refusals and what is wrong."""
    shots = shoot(folder / "scanner", studies=1, instances=90, rows=ROWS)
    with Sending(shots, victim.address) as sending:
        wait_for(lambda: OUT_OF_RESOURCES in sending.statuses, f"the disk is full\n{victim.tail()}")
        problems = _while_full(victim, sending.acknowledged)
        give_back()
        sending.wait(victim.tail)
    problems += lost_or_doubled(victim.storage, shots) + unfinished_files(victim.storage)
    wrong = {status for status in sending.statuses if status not in (0x0000, OUT_OF_RESOURCES)}
    if wrong:
        problems.append(f"answered {wrong}")
    return sum(status == OUT_OF_RESOURCES for status in sending.statuses), problems


def _limited(victim: Victim) -> Callable[[], object]:
    """Limit the files of the receiver of a node; return what takes that back."""
    receiver = listener(victim.port)
    assert receiver is not None
    before = resource.prlimit(receiver, resource.RLIMIT_FSIZE)
    resource.prlimit(receiver, resource.RLIMIT_FSIZE, (QUOTA_BYTES, before[1]))
    return partial(resource.prlimit, receiver, resource.RLIMIT_FSIZE, before)


def _while_full(victim: Victim, acknowledged: list[Shot]) -> list[str]:
    problems = lost_or_doubled(victim.storage, list(acknowledged))
    if not victim.answers():
        problems.append("C-ECHO is not answered while the disk is full")
    return problems


def _may_mount(folder: Path) -> bool:
    try:
        with _small_disk(folder / "probe"):
            return True
    except (subprocess.CalledProcessError, FileNotFoundError):
        return False


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    command = ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "-l", str(folder)], check=True)


FAULTS = (
    Fault("disk full", full_disk, cases=4, short=1),
    Fault("files may not grow", quota, cases=2, short=1),
)
