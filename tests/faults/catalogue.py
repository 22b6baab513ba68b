"""Every fault, in the order of `make faults`."""

from tests.faults import (
    clock,
    databases,
    full_disk,
    hostile_files,
    hostile_peers,
    killing,
    killing_analysis,
    killing_at_calls,
    killing_purge,
    peers_that_fail,
    standing_still,
    taking_over,
)
from tests.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *killing.FAULTS,
    *killing_at_calls.FAULTS,
    *killing_purge.FAULTS,
    *killing_analysis.FAULTS,
    *peers_that_fail.FAULTS,
    *full_disk.FAULTS,
    *databases.FAULTS,
    *taking_over.FAULTS,
    *standing_still.FAULTS,
    *clock.FAULTS,
    *hostile_files.FAULTS,
    *hostile_peers.FAULTS,
)
