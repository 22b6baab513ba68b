"""A match for people: what fills which role and why, what came next, what was left out, and which rule decides."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from node.cli.tables import show_table

_COLUMNS = ("role", "series", "description", "images", "score", "why")


def show_match(match: Mapping[str, Any], condition: str = "") -> None:
    """Print the document of ``match --json``; `condition` is what its verdict still depends on."""
    rows = [_row(role, entry) for role, entry in match["roles"].items()]
    if sys.stdout.isatty():
        show_table(_COLUMNS, rows)
    else:
        typer.echo("".join("\t".join(row) + "\n" for row in rows), nl=False)
    for role, entry in match["roles"].items():
        rival = entry.get("runner_up")
        if rival is not None:
            typer.echo(f"runner-up of {role}: {_name(rival)}: {rival['because']}")
    for line in _rejections(match["rejected"]):
        typer.echo(f"not used: {line}")
    clock = match.get("clock") or {}
    typer.echo(f"clock: {clock.get('source') or 'none'}; injection {clock.get('t0', 'unknown')}")
    for warning in match.get("warnings", ()):
        typer.echo(f"warning: {warning}")
    if match.get("rules_version"):
        typer.echo(f"series rules {match['rules_version']}; weights, windows and words stand in series_rules.toml")
    verdict = "accepted" if match["code"] is None else f"refused {match['code']}"
    typer.echo(f"{condition}{verdict}: {match['message']}")


def _rejections(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each series and reason; the parts of a series that share one are named together."""
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in entries:
        reason = f"{entry['code']}, {entry['because']}{_source(entry)}"
        grouped.setdefault((entry["series_instance_uid"], reason), []).append(entry)
    lines = []
    for (_, reason), found in grouped.items():
        parts = list(dict.fromkeys(entry.get("sub_volume", "") for entry in found))
        more = f" and {len(parts) - 1} more of its parts" if len(parts) > 1 else ""
        lines.append(f"{_name(found[0])}{more}: {reason}")
    return lines


def _row(role: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    part = f" ({entry['sub_volume']})" if entry.get("sub_volume") else ""
    return (
        role,
        "" if entry["series_number"] is None else str(entry["series_number"]),
        f"{entry['series_description']}{part}",
        str(len(entry["frame_numbers"] or entry["sop_instance_uids"])),
        f"{entry['score']:g}",
        _why(entry),
    )


def _why(entry: Mapping[str, Any]) -> str:
    """Return the evidence as one phrase, the weightiest first."""
    assigned = entry.get("assigned")
    if assigned is not None:
        return f"assigned by hand by {assigned['by']} at {assigned['at']}"
    ordered = sorted(entry["evidence"], key=lambda item: -abs(item["weight"]))
    return "; ".join(f"{item['family']} {item['weight']:+g} ({item['value']})" for item in ordered)


def _name(entry: Mapping[str, Any]) -> str:
    number = "?" if entry.get("series_number") is None else str(entry["series_number"])
    described = f' "{entry["series_description"]}"' if entry.get("series_description") else ""
    part = f" ({entry['sub_volume']})" if entry.get("sub_volume") else ""
    return f"series {number}{described}{part} {entry['series_instance_uid']}"


def _source(entry: Mapping[str, Any]) -> str:
    """Return the element and the rule behind a rejection, where they are known."""
    said = f"{entry['tag']} {entry['value']}".strip() if entry.get("tag") else ""
    found = "; ".join(part for part in (said, entry.get("rule", "")) if part)
    return f" [{found}]" if found else ""
