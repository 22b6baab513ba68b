"""Every fault, in the order of `make faults`."""

from tests.faults import killing
from tests.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (*killing.FAULTS,)
