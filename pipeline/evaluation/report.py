"""The report that a clinician reads: one HTML file with everything in it."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from pipeline.evaluation.evaluate import Evaluation
from pipeline.evaluation.first_page import procedure
from pipeline.evaluation.section import Section, Table

STYLE = """
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:#1a1a1a;background:#fff;max-width:1080px;
margin:0 auto;padding:24px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:36px 0 6px;border-top:1px solid #ddd;padding-top:18px}
.notice{display:inline-block;border:2px solid #1a1a1a;padding:2px 10px;font-weight:600}
.warning{border-left:6px solid #D55E00;background:#fdf1e8;padding:8px 14px;margin:10px 0}
.headline{font-size:17px;border-left:6px solid #0072B2;background:#eef6fb;padding:10px 14px;margin:14px 0}
.quiet{color:#555}table{border-collapse:collapse;font-size:13px;margin:10px 0}
.wide{overflow-x:auto}
th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid #ddd;vertical-align:top}
th{border-bottom:2px solid #1a1a1a}img{max-width:100%}code{font-size:12.5px;overflow-wrap:anywhere}
nav a{margin-right:14px}
@media print{body{max-width:none;padding:0;font-size:11px}h2{break-after:avoid}table,img{break-inside:avoid}
nav{display:none}
table{font-size:8.5px}}
"""
RESEARCH_USE = "For research use only. Not a medical device."


@dataclass(frozen=True)
class Provenance:
    """How the report was made; given by the caller, since the pipeline knows no clock and no command line.

    Parameters
    ----------
    command
        As typed.
    made_at
        ISO 8601.
    versions
        By package.
    checksums
        By what was read.
    """

    command: str
    made_at: str
    versions: Mapping[str, str]
    checksums: Mapping[str, str]


def render(evaluation: Evaluation, provenance: Provenance, svg: Mapping[str, bytes]) -> str:
    """Write the page; `svg` holds the figures by the keys of their sections."""
    cohort, split = evaluation.cohort, evaluation.splits[0]
    counts = (
        f"{len(cohort.patients)} patients, {int(cohort.mvi.sum())} with microvascular invasion and "
        f"{int((~cohort.mvi).sum())} without; {len(evaluation.splits)} random splits into {len(split.training)} "
        f"patients to learn from, {len(split.validation)} to choose by and {len(split.test)} to test on."
    )
    links = "".join(
        f'<a href="#{section.key}">{escape(_short(section.title))}</a> ' for section in evaluation.sections
    )
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Evaluation of {escape(cohort.name)}</title><style>{STYLE}</style></head><body>",
            f"<h1>Prediction of microvascular invasion: {escape(cohort.name)}</h1>",
            f'<p><span class="notice">{RESEARCH_USE}</span></p>',
            *(f'<p class="warning"><b>Note.</b> {escape(warning)}</p>' for warning in evaluation.warnings),
            f'<p class="headline">{escape(evaluation.headline)}</p>',
            f"<p>{escape(counts)} {escape(procedure(evaluation.results))}</p>",
            f"<nav>{links}</nav>",
            *(_section(section, svg.get(section.key)) for section in evaluation.sections),
            _provenance(evaluation, provenance),
            "</body></html>\n",
        ]
    )


def _section(section: Section, svg: bytes | None) -> str:
    parts = [f'<h2 id="{section.key}">{escape(section.title)}</h2>']
    if section.unavailable:
        parts.append(f'<p class="quiet">Not shown. {escape(section.unavailable)}</p>')
    if section.text:
        parts.append(f"<p>{escape(section.text)}</p>")
    if svg is not None:
        data = base64.b64encode(svg).decode()
        parts.append(f'<img alt="{escape(section.title)}" src="data:image/svg+xml;base64,{data}">')
    if section.table is not None:
        parts.append(_table(section.table))
    return "\n".join(parts)


def _table(table: Table) -> str:
    return (
        f'<div class="wide"><table><thead>{_row("th", table.header)}</thead><tbody>'
        + "".join(_row("td", row) for row in table.rows)
        + "</tbody></table></div>"
    )


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _provenance(evaluation: Evaluation, provenance: Provenance) -> str:
    seeds = ", ".join(str(split.seed) for split in evaluation.splits)
    rows = (
        ("Command", provenance.command),
        ("Made at", provenance.made_at),
        ("Seeds of the splits", seeds),
        *((f"Version of {name}", version) for name, version in provenance.versions.items()),
        *((f"SHA-256 of {name}", checksum) for name, checksum in provenance.checksums.items()),
    )
    body = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(value)}</code></td></tr>" for name, value in rows
    )
    return (
        f'<h2 id="provenance">How this was made</h2><div class="wide"><table><tbody>{body}</tbody></table></div>'
    )


def _short(title: str) -> str:
    return title.partition(". ")[0].partition(" (")[0]
