"""A ledger of its own, a clock that only moves when it is told to, and a collector at rest, for each test."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.ledger.ledger import Ledger, open_ledger
from tests.unit.node.doubles import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock, clock.monotonic_s) as opened:
        yield opened


@pytest.fixture
def seldom_collected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()
