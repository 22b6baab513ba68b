"""Whether the clock can be right: results and the audit trail bear its time."""

import ctypes
from datetime import datetime, timedelta

from config.errors import NodeError, WrongKeyError
from config.settings import Settings
from node.diagnosis.finding import Finding, Verdict
from node.ledger.ledger import open_ledger, utc_now
from node.storage.folder import existing_ledger_url

TIME_ERROR = 5
"""Answer of adjtimex(2) where nothing keeps the clock in time."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""The ledger may be this far ahead of the clock: another machine may have written it."""


def diagnose_clock(settings: Settings) -> Finding:
    """Compare the clock with the newest entry of the ledger, and ask the kernel what keeps it in time."""
    name, now = "clock", utc_now()
    ahead = _newest_entry(settings)
    if ahead is not None and ahead - now > CLOCK_TOLERANCE:
        return Finding(name, Verdict.FAILED, f"the ledger is {ahead - now} ahead of this clock; set the clock")
    if _unsynchronised():
        return Finding(name, Verdict.WARNING, f"{now:%Y-%m-%d %H:%M:%S} UTC, kept in time by nothing; run NTP")
    return Finding(name, Verdict.OK, f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _newest_entry(settings: Settings) -> datetime | None:
    try:
        with open_ledger(existing_ledger_url(settings)) as ledger:
            return ledger.studies.last_change()
    except (NodeError, WrongKeyError):
        return None  # Said of the ledger already.


def _unsynchronised() -> bool:
    """Return whether the kernel says that nothing keeps its clock in time; False where it does not say."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return False
    # All zero: no mode bit is set, so that the clock is read and not adjusted; struct timex has 208 bytes.
    return bool(adjtimex(ctypes.create_string_buffer(256)) == TIME_ERROR)
