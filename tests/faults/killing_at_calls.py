"""`kill -9` of the receiver exactly where it asks the kernel for something: strace delivers the signal at a call.

Before the bytes are on the disk, before they have their name, before the folder or the ledger is synchronised, and
between all of that and the answer.
"""

import itertools
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.scanner import Sending, Shot, lost_or_doubled, shoot, unfinished_files
from tests.faults.victim import Toml, Victim, listener, wait_for, zygote

NAME = "kill -9 at system calls"
CALLS = ("fdatasync", "sendto", "fsync", "rename", "mkdir")
"""Of the thread of an association and the one that enters: ledger, answers, files, names, folders."""
INSTANCES = 4
SETTINGS: Toml = {"completion": {"deadline_s": 1e6}}
"""Nothing is analysed, which is another fault's matter."""


def kill_at_calls(folder: Path, cases: int) -> FaultRecord:
    """Kill the receiver at the first to the fourth call of each kind while it receives; a case is one kill."""
    if not _may_attach():
        return FaultRecord(NAME, 0, 0, "not brought about: this user may not trace a process that runs")
    failures: list[str] = []
    shots: list[Shot] = []
    killed: Counter[str] = Counter()
    instants = itertools.islice(itertools.cycle(itertools.product((1, 2, 3, 4), CALLS)), cases)
    with zygote() as nodes, Victim(nodes, folder / "node", settings=SETTINGS) as victim:
        for number, (nth, call) in enumerate(instants):
            own = shoot(folder / f"scanner-{number}", studies=2, instances=INSTANCES)
            found, problems = _trial(victim, own, call, nth)
            killed[call] += found
            failures += [f"at {call} number {nth}: {problem}" for problem in problems]
            shots += own
        failures += lost_or_doubled(victim.storage, shots) + unfinished_files(victim.storage)
        failures += _not_entered(victim, shots)
    at_calls = ", ".join(f"{number} at {call}" for call, number in killed.items())
    detail = f"{len(shots)} instances acknowledged, each there and entered once; killed {at_calls}"
    return record(NAME, cases, failures, detail)


def _trial(victim: Victim, shots: list[Shot], call: str, nth: int) -> tuple[bool, list[str]]:
    """Return whether the call came before everything was acknowledged, and what is wrong afterwards."""
    receiver = listener(victim.port)
    assert receiver is not None
    with _killing(receiver, call, nth), Sending(shots, victim.address) as sending:
        wait_for(
            lambda: listener(victim.port) != receiver or len(sending.acknowledged) == len(shots),
            f"the receiver is killed\n{victim.tail()}",
        )
        found = len(sending.acknowledged) < len(shots)
        acknowledged = list(sending.acknowledged)
        victim.kill_everything()
        problems = lost_or_doubled(victim.storage, acknowledged)
        victim.start()
        sending.wait(victim.tail)
    return found, problems


@contextmanager
def _killing(process: int, call: str, nth: int) -> Iterator[None]:
    """Have a process killed where one of its threads makes its nth call."""
    inject = f"inject={call}:signal=KILL:when={nth}"
    command = ["/usr/bin/strace", "-f", "-p", str(process), "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _is_traced(process) or tracer.poll() is not None, "strace watches the receiver")
        if tracer.poll() is not None:
            raise PermissionError("strace may not watch this process")
        yield
    finally:
        tracer.terminate()
        tracer.wait(30)


def _may_attach() -> bool:
    with subprocess.Popen(["/bin/sleep", "60"]) as sleeping:
        try:
            with _killing(sleeping.pid, CALLS[0], 1):
                return True
        except PermissionError:
            return False
        finally:
            sleeping.kill()


def _is_traced(process: int) -> bool:
    """Say whether every thread of a process is watched."""
    states = [path.read_text(encoding="ascii") for path in Path(f"/proc/{process}/task").glob("*/status")]
    return bool(states) and all(re.search(r"^TracerPid:\t[1-9]", state, flags=re.MULTILINE) for state in states)


def _not_entered(victim: Victim, shots: list[Shot]) -> list[str]:
    problems = []
    with victim.ledger() as ledger:
        for uid in {shot.study_instance_uid for shot in shots}:
            sent = sorted(shot.sha256 for shot in shots if shot.study_instance_uid == uid)
            known = sorted(entry.content_sha256 for entry in ledger.studies.instances(uid))
            problems += [f"the ledger has {len(known)} of {len(sent)} instances"] if known != sent else []
    return problems


FAULTS = (Fault(NAME, kill_at_calls, cases=20, short=2, peers=("strace",)),)
