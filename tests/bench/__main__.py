"""`make bench`: every figure beside its baseline; a table, and build/bench.json."""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import (
    bench_alignment,
    bench_classifier,
    bench_dask,
    bench_evaluation,
    bench_ingest,
    bench_labs,
    bench_matching,
    bench_queue,
    bench_registration,
    bench_segmentation,
    bench_study,
)

OUT = Path("build/bench.json")


def main() -> int:
    """Run the benchmarks one after another."""
    figures = []
    modules = (
        *(bench_ingest, bench_labs, bench_queue, bench_matching),
        *(bench_registration, bench_alignment, bench_segmentation, bench_classifier),
        *(bench_study, bench_evaluation, bench_dask),
    )
    for module in modules:
        sys.stderr.write(f"{module.__name__} ...\n")
        figures += module.figures()
        OUT.parent.mkdir(exist_ok=True)
        # After each: one that fails later takes nothing with it.
        OUT.write_text(json.dumps([figure.document() for figure in figures], indent=2) + "\n", encoding="utf-8")
    table = Table("figure", "ours", "baseline", "ratio", "goal", "unit")
    for figure in figures:
        numbers = (f"{figure.ours:.3f}", f"{figure.baseline:.3f}", f"{figure.ratio:.3f}")
        table.add_row(figure.name, *numbers, figure.goal, figure.unit)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
