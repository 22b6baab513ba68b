"""`make faults`: bring about every fault; a table, build/faults.json, and exit 1 where the node failed one.

`python -m tests.faults WORD ...` brings about those whose names contain one of the words.
"""

import json
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.conftest import PEERS
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, FaultRecord

OUT = Path("build/faults.json")


def main(words: Sequence[str]) -> int:
    """Bring about the faults one after another."""
    chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    records = []
    for fault in chosen:
        sys.stderr.write(f"{fault.name} ...\n")
        began = time.monotonic()
        records.append(_bring_about(fault))
        sys.stderr.write(f"  {records[-1].detail} ({time.monotonic() - began:.0f} s)\n")
    table = Table("fault", "cases", "failed", "detail")
    for entry in records:
        table.add_row(entry.name, str(entry.cases), str(entry.failed), entry.detail)
    Console().print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([entry.document() for entry in records], indent=2) + "\n", encoding="utf-8")
    return 1 if any(entry.failed for entry in records) else 0


def _bring_about(fault: Fault) -> FaultRecord:
    missing = [name for name in fault.peers if PEERS[name]() is None]
    if missing:
        return FaultRecord(fault.name, 0, 0, f"not brought about: needs {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="mvi-fault-") as folder:
        try:
            return fault.run(Path(folder), fault.cases)
        except Exception as error:  # A harness that breaks has shown nothing; the other faults go on.
            traceback.print_exc()
            said = str(error).partition("\n")[0]
            return FaultRecord(fault.name, fault.cases, fault.cases, f"broke off: {type(error).__name__}: {said}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
