"""A short version of every fault, so that `make test` shows that the node stands it."""

from pathlib import Path

import pytest

from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault

pytestmark = pytest.mark.slow


def _parameter(fault: Fault) -> object:
    return pytest.param(
        fault, id=fault.name.replace(" ", "-"), marks=[pytest.mark.peer(name) for name in fault.peers]
    )


@pytest.mark.parametrize("fault", [_parameter(fault) for fault in FAULTS if fault.short])
def test_fault_when_brought_about_then_the_node_keeps_its_promises(fault: Fault, tmp_path: Path) -> None:
    found = fault.run(tmp_path, fault.short)
    assert found.cases == fault.short
    assert found.failed == 0, found.detail
