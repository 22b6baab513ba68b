"""The faults of a soak: each is switched on, lasts, and is switched off."""

import contextlib
import os
import random
import resource
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.peers_that_fail import stop_inside
from tests.faults.scanner import shoot
from tests.faults.victim import Victim, is_alive, listener, wait_for
from tests.integration.postgresql import Server
from tests.soak.pacs import SoakPacs

QUOTA_BYTES = 2_000
"""No file of the receiver grows beyond this while its disk is full; each image is larger."""
SILENT = 4
"""Peers that stop inside a PDU, at once."""
DELAY_S = 0.5
"""Of a slow PACS, for each object, s."""
START_PATIENCE_S = 180.0


@dataclass
class World:
    """What faults are done to.

    Parameters
    ----------
    server
        Of the ledger; None where it is embedded, and cannot go away by itself.
    """

    folder: Path
    node: Victim
    pacs: SoakPacs
    server: Server | None
    done: threading.Event
    """Ends whatever lasts."""


Fault = Callable[[World, float], None]
"""Takes the world and how long the fault lasts, s."""


def pacs_down(world: World, lasting_s: float) -> None:
    """Stop the PACS, and start it again on its port."""
    world.pacs.down()
    world.done.wait(lasting_s)
    world.pacs.up()


def pacs_slow(world: World, lasting_s: float) -> None:
    """Let the PACS answer late."""
    world.pacs.delay_s = DELAY_S
    world.done.wait(lasting_s)
    world.pacs.delay_s = 0.0


def disk_full(world: World, lasting_s: float) -> None:
    """Let no file of the receiver grow, as on a full disk; every user may do that to a process of his own."""
    receiver = listener(world.node.port)
    if receiver is None:
        return
    with contextlib.suppress(ProcessLookupError):
        before = resource.prlimit(receiver, resource.RLIMIT_FSIZE)
        resource.prlimit(receiver, resource.RLIMIT_FSIZE, (QUOTA_BYTES, before[1]))
        world.done.wait(lasting_s)
        resource.prlimit(receiver, resource.RLIMIT_FSIZE, before)


def disk_slow(world: World, lasting_s: float) -> None:
    """Stop the receiver now and then, as a disk does that answers late."""
    receiver = listener(world.node.port)
    if receiver is None:
        return
    with contextlib.suppress(ProcessLookupError):
        for _ in range(max(1, int(lasting_s / 0.4))):
            os.kill(receiver, signal.SIGSTOP)
            world.done.wait(0.3)
            os.kill(receiver, signal.SIGCONT)
            world.done.wait(0.1)


def peers_stopped(world: World, lasting_s: float) -> None:
    """Hold associations with peers that stop in the middle of an image."""
    (shot,) = shoot(world.folder / "stopped", studies=1, instances=1, rows=256)
    silent = [stop_inside(world.node.address, shot.path, random.Random(number)) for number in range(SILENT)]
    world.done.wait(lasting_s)
    for connection in silent:
        connection.close()


def node_killed(world: World, _lasting_s: float) -> None:
    """Kill every process of the node, and start it again."""
    world.node.kill_everything()
    _start(world.node)


def receiver_killed(world: World, _lasting_s: float) -> None:
    """Kill the process that listens; the node starts another."""
    world.node.kill_reception()


def main_killed(world: World, _lasting_s: float) -> None:
    """Kill the main process alone; the others notice, and it is started again."""
    world.node.kill_main()
    _start(world.node)


def database_away(world: World, lasting_s: float) -> None:
    """Stop PostgreSQL as a crash does, and start it again."""
    assert world.server is not None
    world.server.stop()
    world.done.wait(lasting_s)
    world.server.start()


KILLS: tuple[Fault, ...] = (node_killed, receiver_killed, main_killed)
OTHERS: tuple[Fault, ...] = (pacs_down, disk_full, database_away, peers_stopped, pacs_slow, disk_slow)


@dataclass(frozen=True)
class Climate:
    """How often and how long it is bad.

    Parameters
    ----------
    lasting_s, calm_s
        Shortest and longest fault, and shortest and longest time between two, s.
    """

    lasting_s: tuple[float, float]
    calm_s: tuple[float, float]


class Weather(threading.Thread):
    """Switches the faults on and off, one at a time, every one as often as the others.

    Kills come first: what runs afterwards runs to the end, long enough for its memory to be judged.
    """

    def __init__(self, world: World, climate: Climate) -> None:
        super().__init__(name="weather", daemon=True)
        self.counts: Counter[str] = Counter()
        self.failure = ""
        self.kills_are_over = threading.Event()
        self._world, self._climate = world, climate
        self._chance = random.Random(27)

    def stop(self) -> None:
        """Let no further fault come, once each was there."""
        self._world.done.set()

    def run(self) -> None:
        """Go on until it is stopped, and not before every fault was there once."""
        others = [fault for fault in OTHERS if fault is not database_away or self._world.server is not None]
        try:
            for fault in (*KILLS, *others):
                self._bring(fault)
            while not self._world.done.is_set():
                kills = () if self.kills_are_over.is_set() else KILLS
                self._bring(self._chance.choice([*kills, *others]))
        except Exception as error:  # Told in the table, and not only on the terminal.
            self.failure = f"{type(error).__name__}: {error}"
            raise

    def _bring(self, fault: Fault) -> None:
        self._world.done.wait(self._chance.uniform(*self._climate.calm_s))
        fault(self._world, self._chance.uniform(*self._climate.lasting_s))
        self.counts[fault.__name__.replace("_", " ")] += 1


def _start(node: Victim) -> None:
    if not is_alive(node.process):
        node.start()
    wait_for(lambda: listener(node.port) is not None, "the node listens", START_PATIENCE_S)
