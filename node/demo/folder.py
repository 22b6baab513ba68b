"""The folder of a demonstration: emptied before it, and filled with what came back."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from config.loading import load_settings
from config.series_rules import rules_in_force
from node.demo.processes import (
    CONFIGURATION_FILE,
    DemoFailedError,
)
from node.ledger.delivery_records import Delivery, DeliveryState
from node.ledger.ledger import open_ledger
from node.ledger.records import StudyRecord
from node.states import StudyState
from node.storage.folder import ledger_url
from node.storage.results_folder import results_folder
from node.studies.report import explain_study

MARKER = ".mvi-node-demo"
"""Tells a folder that the demonstration may empty."""


@dataclass(frozen=True)
class DemoOutcome:
    """What came back.

    Parameters
    ----------
    document
        The node's ``result.json``.
    match
        The node's series matching, as ``match --json`` prints it.
    truth
        The phantom's ``truth.json``.
    deliveries
        One entry an object and destination.
    sent
        Instances that the scanner sent.
    """

    document: dict[str, Any]
    match: dict[str, Any]
    truth: dict[str, Any]
    deliveries: tuple[Delivery, ...]
    sent: int


def clear(out: Path) -> None:
    """Empty a folder that an earlier demonstration made; no other folder is touched.

    Raises
    ------
    ConfigError
        The folder holds something else.
    """
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()) and not (out / MARKER).is_file():
        raise ConfigError([f"{out} holds files that no demonstration made; name a new or empty folder with --out"])
    (out / MARKER).write_text("Made by `mvi-node demo`, which replaces what lies here.\n", encoding="utf-8")
    for name in ("study", "pacs", "node"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ("seg.dcm", "sr.dcm", "summary.dcm", "summary.png", "result.json", CONFIGURATION_FILE, "node.log"):
        (out / name).unlink(missing_ok=True)


def collect(
    out: Path, study: StudyRecord, deliveries: tuple[Delivery, ...], truth: dict[str, Any], sent: int
) -> DemoOutcome:
    folder = results_folder(out / "node", study.study_instance_uid, study.generation)
    if study.state is not StudyState.DELIVERED:
        because = f"{study.code or ''} {study.message or ''}".strip()
        raise DemoFailedError(f"the study ended as {study.state}: {because or 'see ' + str(out / 'node.log')}")
    # SEG and SR are taken from the PACS: what counts is what arrived there.
    for delivery in deliveries:
        if delivery.state is not DeliveryState.DELIVERED:
            raise DemoFailedError(
                f"{delivery.kind} is {delivery.state} at {delivery.destination}: {delivery.error}"
            )
        shutil.copyfile(out / "pacs" / f"{delivery.sop_instance_uid}.dcm", out / f"{delivery.kind}.dcm")
    for name in ("summary.png", "result.json"):
        shutil.copyfile(folder / name, out / name)
    document = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    settings = load_settings(out / CONFIGURATION_FILE, {})
    with open_ledger(ledger_url(settings)) as ledger:
        rules = rules_in_force(settings.matching)
        match = explain_study(ledger, settings.node.storage, study.study_instance_uid, settings.completion, rules)
    return DemoOutcome(document, match, truth, deliveries, sent)
