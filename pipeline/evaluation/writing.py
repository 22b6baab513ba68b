"""One folder: evaluation.json, report.html, tables/*.csv, figures/*.png and *.svg."""

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from pipeline.evaluation.evaluate import Evaluation
from pipeline.evaluation.report import Provenance, render
from pipeline.evaluation.score_tables import SCORES, score_tables
from pipeline.evaluation.section import Table, as_json

DPI = {"png": 200, "svg": 100}
"""Of an SVG only the images in it have pixels; the report carries them."""


def require_writable(out: Path) -> None:
    """Find out before hours of fitting whether the folder of the report can be written to.

    Parameters
    ----------
    out
        Folder; made where absent.

    Raises
    ------
    OSError
        It cannot be made, or nothing can be written in it.
    """
    for folder in _folders(out):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass


def write_evaluation(evaluation: Evaluation, provenance: Provenance, out: Path) -> dict[str, Any]:
    """Write everything, and return the document of ``evaluation.json``.

    Parameters
    ----------
    evaluation, provenance
        What is written.
    out
        Folder; made where absent, its files of these names replaced.
    """
    require_writable(out)
    svg = {}
    for name in (*SCORES, *(section.key for section in evaluation.sections)):
        # What an earlier evaluation left here must not stand beside this one.
        for path in (f"tables/{name}.csv", f"figures/{name}.svg", f"figures/{name}.png"):
            (out / path).unlink(missing_ok=True)
    for name, table in score_tables(evaluation.results).items():
        (out / "tables" / f"{name}.csv").write_text(_csv(table), encoding="utf-8")
    for section in evaluation.sections:
        if section.table is not None:
            (out / "tables" / f"{section.key}.csv").write_text(_csv(section.table), encoding="utf-8")
        if section.figure is not None:
            svg[section.key] = _drawn(section.figure, "svg")
            (out / "figures" / f"{section.key}.svg").write_bytes(svg[section.key])
            (out / "figures" / f"{section.key}.png").write_bytes(_drawn(section.figure, "png"))
    document = {
        "provenance": asdict(provenance),
        **as_json(evaluation.facts),
        **{section.key: dict(section.numbers) for section in evaluation.sections},
    }
    (out / "evaluation.json").write_text(
        json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (out / "report.html").write_text(render(evaluation, provenance, svg), encoding="utf-8")
    return document


def _folders(out: Path) -> tuple[Path, ...]:
    return out, out / "tables", out / "figures"


def _csv(table: Table) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.header, *table.rows])
    return text.getvalue()


def _drawn(figure: Figure, form: str) -> bytes:
    picture = io.BytesIO()
    # The same numbers give the same file: no date, and identifiers that do not depend on the process.
    with mpl.rc_context({"svg.hashsalt": "mvi-node"}):
        # The layout of panels with a fixed aspect settles in the second drawing only.
        figure.draw_without_rendering()
        metadata: dict[str, Any] = {"Date": None} if form == "svg" else {}
        figure.savefig(picture, format=form, dpi=DPI[form], metadata=metadata)
    return picture.getvalue()
