"""`make soak`: mixed traffic under faults, then many instances and associations; a table and build/soak.json."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.fault import FaultRecord
from tests.soak.mixed import length_of, soak_mixed
from tests.soak.reception import ASSOCIATIONS, INSTANCES, soak_associations, soak_instances

OUT = Path("build/soak.json")
MINUTES = 60.0


def main() -> int:
    """Run one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of mixed traffic; the rest in proportion")
    minutes = parser.parse_args().minutes
    share = min(1.0, minutes / MINUTES)
    with tempfile.TemporaryDirectory(prefix="mvi-soak-") as folder:
        sys.stderr.write(f"mixed traffic for {minutes:g} minutes ...\n")
        records: list[FaultRecord] = soak_mixed(Path(folder), length_of(minutes))
    for soak, cases in ((soak_instances, INSTANCES), (soak_associations, ASSOCIATIONS)):
        sys.stderr.write(f"{soak.__name__} ...\n")
        with tempfile.TemporaryDirectory(prefix="mvi-soak-") as folder:
            records.append(soak(Path(folder), max(100, round(cases * share))))
    table = Table("soak", "cases", "failed", "detail")
    for record in records:
        table.add_row(record.name, str(record.cases), str(record.failed), record.detail)
    Console().print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([record.document() for record in records], indent=2) + "\n", encoding="utf-8")
    return 1 if any(record.failed for record in records) else 0


if __name__ == "__main__":
    sys.exit(main())
