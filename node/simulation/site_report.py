"""The report for the site's file: one HTML file that needs nothing else, to be printed and signed.

Text that came from the network is only ever put in by `_tag` and `_table`, which escape it.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from importlib.metadata import version

from node.simulation.table import COLUMNS, DIFFERENCE_COLUMNS, SENT_COLUMNS, differences, rows, sent
from node.simulation.verdict import NOTICE, Acceptance

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1a1a1a; max-width: 1060px; margin: 2em auto;
  padding: 0 1.5em }
h1 { font-size: 1.6em; margin: 0 0 .2em } h2 { font-size: 1.15em; margin: 1.8em 0 .5em }
table { border-collapse: collapse; width: 100%; font-size: 12.5px }
th, td { text-align: left; vertical-align: top; padding: .32em .55em; border-bottom: 1px solid #ccc }
td.long { overflow-wrap: anywhere }
th { border-bottom: 2px solid #555 } table.facts th { width: 15em; border-bottom: 1px solid #ccc }
.verdict { font-size: 1.25em; font-weight: 700; padding: .5em .8em; border: 2px solid; display: inline-block;
  margin: .6em 0 } .pass { color: #17632b } .fail { color: #a3141c } td.fail, td.pass { font-weight: 700 }
.notice { border: 2px solid #1a1a1a; padding: .6em .8em; font-weight: 700; margin: 1em 0 }
img { max-width: 100%; border: 1px solid #999 } .sign td { height: 3.2em; border-bottom: 1px solid #1a1a1a }
@media print, (max-width: 900px) { table { font-size: 10px } th, td { padding: .3em .35em } }
@media print { body { margin: 0; max-width: none } tr, img, .sign { break-inside: avoid } }
"""
_LONG_WORD = 24
"""Characters of a word that may be broken, a UID or a checksum; of any other one the cell is never narrower."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""The browser runs no script and asks nobody for anything, whatever the text says."""


def site_report(acceptance: Acceptance) -> str:
    """Return the report of a run as HTML."""
    verdict, style = ("passed", "pass") if acceptance.passed else ("not passed", "fail")
    passed = sum(study.passed for study in acceptance.studies)
    wrong = list(differences(acceptance))
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        _tag("title", f"MVI node acceptance {acceptance.plan.run}"),
        f"<style>{_STYLE}</style></head><body>",
        _tag("h1", "Acceptance of an MVI node"),
        _tag("p", f"{NOTICE} All patients of this run are synthetic.", "notice"),
        _tag("p", f"{verdict}: {passed} of {len(acceptance.studies)} studies as expected", f"verdict {style}"),
        _facts(_identity(acceptance)),
        _tag("h2", "Studies"),
        _table(COLUMNS, rows(acceptance)),
        *([_tag("h2", "Not as expected"), _table(DIFFERENCE_COLUMNS, wrong)] if wrong else []),
        _tag("h2", "How it was judged"),
        *(_tag("p", sentence) for sentence in _method(acceptance)),
        *(_tag("p", f"Remark: {remark}.") for remark in acceptance.remarks),
        _tag("h2", "What was sent, and is to be deleted"),
        _table(SENT_COLUMNS, sent(acceptance)),
        *_picture(acceptance.picture),
        _tag("h2", "Signature"),
        _signature(),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _identity(acceptance: Acceptance) -> list[tuple[str, str]]:
    plan = acceptance.plan
    return [
        ("Site", acceptance.site or "not stated"),
        ("Carried out by", acceptance.operator),
        ("Began", acceptance.began_at.isoformat(" ", "seconds")),
        ("Ended", acceptance.ended_at.isoformat(" ", "seconds")),
        ("Node", str(plan.node)),
        ("Software and model of the node", ", ".join(acceptance.software) or acceptance.implementation),
        ("Scanner and PACS of this run", f"{plan.own}, mvi-node {version('mvi-node')}"),
        ("Patients", f"{plan.patient_prefix}-01 to -{len(acceptance.studies):02d}"),
        ("Phantoms", f"seed {plan.seed}, {plan.size} size"),
    ]


def _method(acceptance: Acceptance) -> list[str]:
    tolerance = acceptance.plan.tolerance
    found = (
        "The model of the node need not know phantoms: what it found was not judged."
        if tolerance.any_model
        else f"The segmented tumour must overlap the planted one with a Dice of {tolerance.least_dice:.2f} or "
        f"more, and its centroid lie within {tolerance.farthest_centroid_mm:.0f} mm."
    )
    return [
        "Each study is a phantom of which every series, every image and the tumour are known. The node must "
        "acknowledge every image, answer each study once, and send each object once and under the right patient. "
        "The report must name the six planted series for the six roles and rest on exactly their images; a study "
        "that must not be analysed must be refused with the planned code.",
        found,
        "Time is from the last acknowledged image to the last object, and has in it how long the node waits for "
        "more images and what it did first.",
    ]


def _picture(png: bytes) -> list[str]:
    if not png:
        return []
    source = f"data:image/png;base64,{b64encode(png).decode('ascii')}"
    return [_tag("h2", "Summary page of one study"), f'<img alt="summary page" src="{source}">']


def _signature() -> str:
    fields = "".join(f"<th>{name}</th>" for name in ("Name", "Function", "Date", "Signature"))
    line = "<tr>" + "<td></td>" * 4 + "</tr>"
    return f'<table class="sign"><tr>{fields}</tr>{line * 2}</table>'


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<tr>{_tag('th', name)}{_cell(value)}</tr>" for name, value in facts)
    return f'<table class="facts">{lines}</table>'


def _table(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    head = "".join(_tag("th", column) for column in columns)
    lines = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in cells)
    return f"<table><tr>{head}</tr>{lines}</table>"


def _cell(text: str) -> str:
    long = "long" if max(map(len, text.split()), default=0) > _LONG_WORD else ""
    return _tag("td", text, {"pass": "pass", "FAIL": "fail"}.get(text, long))


def _tag(name: str, text: str, style: str = "") -> str:
    attribute = f' class="{style}"' if style else ""
    return f"<{name}{attribute}>{escape(text)}</{name}>"
