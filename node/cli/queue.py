"""`mvi-node queue`: what waits, runs, failed, and what has not reached the PACS, why, and what to do."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import typer

from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import print_json, verb
from node.cli.studies import opened
from node.cli.tables import show_table
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind, StudyRecord
from node.states import StudyState
from node.studies.queue_report import describe_deliveries
from node.studies.report import as_it_stands, as_json_value

WAITS = (StudyState.RECEIVING, StudyState.READY, StudyState.RETRY)
FAILED = (StudyState.FAILED, StudyState.UNDELIVERED)
TEXT_CHARACTERS = 80
"""A line is not broken earlier, also where the window is narrower."""
_INDENT = " " * 6
_STUDY_COLUMNS = ("StudyInstanceUID", "state", "attempts", "code", "message")
_DELIVERY_COLUMNS = ("study_instance_uid", "kind", "destination", "state", "attempts", "because", "to_do")


@verb
def queue(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what waits, runs, failed, and what has not reached the PACS, why, and what to do."""
    receivers = [peer.name for peer in load_settings(config, os.environ).peers if peer.receives]
    with opened(config) as (ledger, _):
        groups = {
            "waiting": _as_they_stand(ledger, WAITS),
            "running": _as_they_stand(ledger, [StudyState.ANALYSING]),
            "failed": _as_they_stand(ledger, FAILED),
        }
        undelivered = describe_deliveries(ledger.outbox.open(), ledger.contacts.all(), receivers)
        remarked = [as_json_value(item) for item in ledger.outbox.remarked()]
        counts = {state.value: number for state, number in ledger.studies.count().items()}
    if as_json:
        listed = {name: [as_json_value(study) for study in studies] for name, studies in groups.items()}
        print_json({**listed, "undelivered": undelivered, "remarks": remarked, "counts": counts})
    elif sys.stdout.isatty():
        _show_blocks(groups, undelivered, remarked)
    else:
        _show_tables(groups, undelivered, remarked)


def _as_they_stand(ledger: Ledger, states: Iterable[StudyState]) -> tuple[StudyRecord, ...]:
    return tuple(as_it_stands(study) for study in ledger.studies.all(states))


def _show_tables(
    groups: dict[str, tuple[StudyRecord, ...]],
    undelivered: Sequence[dict[str, Any]],
    remarked: Sequence[dict[str, Any]],
) -> None:
    for name, studies in groups.items():
        rows = [(item.study_instance_uid, item.state, item.attempts, item.code, item.message) for item in studies]
        show_table(_STUDY_COLUMNS, rows, title=f"{name}: {len(studies)}")
    rows_of = [[item[column] for column in _DELIVERY_COLUMNS] for item in undelivered]
    show_table(_DELIVERY_COLUMNS, rows_of, title=f"not confirmed by its peer: {len(undelivered)}")
    columns = ("study_instance_uid", "kind", "destination", "warning")
    remarks = [[item[column] for column in columns] for item in remarked]
    show_table(columns, remarks, title=f"stored with a remark: {len(remarked)}")


def _show_blocks(
    groups: dict[str, tuple[StudyRecord, ...]],
    undelivered: Sequence[dict[str, Any]],
    remarked: Sequence[dict[str, Any]],
) -> None:
    """Print each UID on a line of its own, so that it is whole in the narrowest window."""
    for name, studies in groups.items():
        typer.echo(f"{name}: {len(studies)}")
        for study in studies:
            words = (study.state, f"{study.images} images", f"attempt {study.attempts}", study.code, study.message)
            _block(study.study_instance_uid, [", ".join(str(word) for word in words if word)])
    typer.echo(f"not confirmed by its peer: {len(undelivered)}")
    for _, group in groupby(undelivered, key=lambda item: (item["study_instance_uid"], *_alike(item))):
        items = list(group)
        first = items[0]
        kinds = ", ".join(kind.value for kind in ObjectKind if any(item["kind"] == kind for item in items))
        lines = [
            f"{kinds} to {first['destination']}: {first['state']}",
            first["because"],
            f"To do: {first['to_do']}",
        ]
        _block(first["study_instance_uid"], lines)
    if remarked:
        typer.echo(f"stored with a remark: {len(remarked)}")
    for item in remarked:
        _block(item["study_instance_uid"], [f"{item['kind']} at {item['destination']}: {item['warning']}"])


def _alike(item: dict[str, Any]) -> tuple[Any, ...]:
    return item["destination"], item["state"], item["because"], item["to_do"]


def _block(study_instance_uid: str, lines: Iterable[str]) -> None:
    typer.echo(f"  {study_instance_uid}")
    width = max(TEXT_CHARACTERS, shutil.get_terminal_size().columns) - len(_INDENT)
    for line in lines:
        # Commands and UIDs stay whole: they are copied.
        whole = re.sub(r"`[^`]*`", lambda command: command.group().replace(" ", "\0"), line)
        for part in textwrap.wrap(whole, width, break_long_words=False, break_on_hyphens=False):
            typer.echo(_INDENT + part.replace("\0", " "))
