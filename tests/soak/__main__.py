"""`make soak`: many instances and many associations; a table, build/soak.json, and exit 1 where memory grew."""

import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.soak.reception import ASSOCIATIONS, INSTANCES, soak_associations, soak_instances

OUT = Path("build/soak.json")


def main() -> int:
    """Run one after the other."""
    records = []
    for soak, cases in ((soak_instances, INSTANCES), (soak_associations, ASSOCIATIONS)):
        sys.stderr.write(f"{soak.__name__} ...\n")
        with tempfile.TemporaryDirectory(prefix="mvi-soak-") as folder:
            records.append(soak(Path(folder), cases))
    table = Table("soak", "cases", "failed", "detail")
    for record in records:
        table.add_row(record.name, str(record.cases), str(record.failed), record.detail)
    Console().print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([record.document() for record in records], indent=2) + "\n", encoding="utf-8")
    return 1 if any(record.failed for record in records) else 0


if __name__ == "__main__":
    sys.exit(main())
