"""Mixed traffic of four scanners for so many minutes, while everything around the node fails in turn."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from node.ledger.ledger import Ledger, open_ledger
from node.storage.folder import LEDGER_FILE
from tests.conftest import PEERS
from tests.faults.fault import FaultRecord, record
from tests.faults.killing_analysis import write_coarse_model
from tests.faults.processes import is_quiet
from tests.faults.victim import Toml, Victim, wait_for, zygote
from tests.integration.postgresql import postgresql_server
from tests.integration.service import mvi_node
from tests.soak.growth import Growth
from tests.soak.pacs import SoakPacs
from tests.soak.stations import STATIONS, Station, Traffic, as_peers
from tests.soak.verdict import Verdict
from tests.soak.weather import Climate, Weather, World

LOOK_EVERY_S = 5.0
KILLED_UNTIL = 0.25
"""Share of the time in which the node is killed; what runs then runs to the end."""
PATIENCE_S = 900.0
"""For what is under way when the traffic stops: an analysis, an unheard confirmation, a long back-off."""


@dataclass(frozen=True)
class Length:
    """How long a soak takes.

    Parameters
    ----------
    traffic_s
        Of traffic and faults, s; every fault is brought about once, however long that takes.
    confirmation_s
        How long the last confirmations are waited for; what the PACS could not report is asked again after
        minutes.
    """

    traffic_s: float
    confirmation_s: float
    climate: Climate
    deadline_s: float


SHORT = Length(20.0, 0.0, Climate((0.5, 1.5), (0.1, 0.5)), deadline_s=4.0)


def length_of(minutes: float) -> Length:
    """Return a soak of so many minutes."""
    return Length(minutes * 60, 600.0, Climate((2.0, 15.0), (2.0, 10.0)), deadline_s=15.0)


def soak_mixed(folder: Path, length: Length) -> list[FaultRecord]:
    """Run the traffic, and compare what came of it."""
    completion = {"settle_s": 1.0, "deadline_s": length.deadline_s, "check_every_s": 0.5}
    settings: Toml = {"node": {"network_timeout_s": 10.0}, "completion": completion}
    with ExitStack() as stack:
        nodes = stack.enter_context(zygote())
        server = stack.enter_context(postgresql_server()) if PEERS["postgresql"]() else None
        pacs = SoakPacs(folder / "pacs")
        write_coarse_model(folder / "models")
        ledger_section: Toml = {"ledger": {"url": server.url()}} if server else {}
        node = Victim(
            nodes,
            folder / "node",
            settings={**settings, **ledger_section},
            peers=[*as_peers(), pacs.as_peer()],
            environment={"MVI_NODE_MODEL__FOLDER": str(folder / "models")},
        )
        pacs.report_to(node.address)
        pacs.up()
        stack.callback(pacs.down)
        if server:
            migrated = mvi_node("db", "migrate", "--config", str(node.configuration))
            assert migrated.returncode == 0, migrated.stderr
        stack.enter_context(node)
        url = server.url() if server else f"sqlite:///{node.storage / LEDGER_FILE}"
        ledger = stack.enter_context(open_ledger(url))
        return _soak(World(folder, node, pacs, server, threading.Event()), ledger, length)


def _soak(world: World, ledger: Ledger, length: Length) -> list[FaultRecord]:
    traffic = Traffic(world.folder / "sent", world.node.address, world.pacs.studies)
    verdict = Verdict(traffic, world.node, ledger, world.pacs)
    growth = Growth(world.node)
    weather = Weather(world, length.climate)
    failures: list[str] = []
    for is_first in (True, False):
        # First one study of each station in calm, so that everything that is made once is made; then the rest.
        with _running(traffic, failures):
            if is_first:
                wait_for(lambda: _each_has_sent(traffic), f"the first studies\n{world.node.tail()}", PATIENCE_S)
            else:
                _under(weather, growth, length)
        wait_for(
            verdict.is_answered,
            lambda: f"every study is answered; {verdict.unanswered()}\n{world.node.tail()}",
            PATIENCE_S,
        )
        wait_for(lambda: _is_quiet(world.node), "the node is quiet", PATIENCE_S)
        if is_first:
            growth.begin()
    if world.node.needs_start():
        failures.append("the node has ended")
    failures += [weather.failure] if weather.failure else []
    _wait(verdict.is_confirmed, length.confirmation_s)
    _wait(growth.is_flat, 60.0)
    faults = ", ".join(f"{number} {name}" for name, number in sorted(weather.counts.items()))
    return [
        *verdict.records(),
        record("soak: faults switched on and off", weather.counts.total(), failures, faults),
        record("soak: memory, threads, handles", growth.looks, growth.problems(), growth.words()),
    ]


@contextmanager
def _running(traffic: Traffic, failures: list[str]) -> Iterator[None]:
    """Let the stations send while the block runs; afterwards all that they began is acknowledged."""
    traffic.stopped.clear()
    stations = [Station(traffic, title, step) for title, step in STATIONS]
    for station in stations:
        station.start()
    try:
        yield
    finally:
        traffic.stopped.set()
        for station in stations:
            station.join(PATIENCE_S)
            failures += [station.failure] if station.failure else []
            failures += [f"{station.title} cannot get its images acknowledged"] if station.is_alive() else []


def _under(weather: Weather, growth: Growth, length: Length) -> None:
    began = time.monotonic()
    weather.start()
    while weather.is_alive():
        passed = time.monotonic() - began
        if passed > length.traffic_s * KILLED_UNTIL:
            weather.kills_are_over.set()
        if passed > length.traffic_s:
            weather.stop()
        growth.look()
        weather.join(min(LOOK_EVERY_S, length.traffic_s / 10))


def _each_has_sent(traffic: Traffic) -> bool:
    return len({study.code for study in traffic.studies}) == len(STATIONS) - 1 and traffic.again > 0


def _is_quiet(node: Victim) -> bool:
    return is_quiet(node.process)


def _wait(condition: Callable[[], bool], patience_s: float) -> None:
    """Wait until a condition holds, or for so long."""
    until = time.monotonic() + patience_s
    while not condition() and time.monotonic() < until:
        time.sleep(1.0)
