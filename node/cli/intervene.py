"""`mvi-node studies reprocess` and `cancel`: what a person changes about a study."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import complain, print_json, verb
from node.cli.person import person
from node.cli.study_argument import StudyArgument, named
from node.ledger.ledger import Ledger, open_ledger
from node.states import StudyState
from node.storage.folder import existing_ledger_url
from node.storage.reserve import reserve_at_hand


@contextmanager
def _opened(config: Path | None) -> Iterator[Ledger]:
    settings = load_settings(config, os.environ)
    # Who stops a study or starts it again may do so because the disk is full.
    with reserve_at_hand(settings.node.storage), open_ledger(existing_ledger_url(settings)) as ledger:
        yield ledger


@verb
def reprocess(study: StudyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Analyse once more, and issue a result that supersedes the last one even where it says the same.

    The new report names you, and the report that it replaces; `retry` gives the same result again instead. It is
    recorded in the audit trail. Exit code 1: the study is not known, is being received or analysed, or its images
    are deleted.
    """
    with _opened(config) as ledger:
        study = named(ledger, study)
        ledger.interventions.reprocess(study, person())
        state = ledger.studies.get(study).state
    if as_json:
        print_json({"study_instance_uid": study, "state": state.value})
    else:
        complain(f"study {study} is {state}; its next report replaces the last one")


@verb
def cancel(study: StudyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Stop a study that has no result yet; an analysis that runs ends within seconds.

    Its images stay, images that still come are kept and change nothing, and no report is sent: tell whoever waits
    for one. `reprocess` takes the study up again. It is recorded in the audit trail. Exit code 1: the study is not
    known, or has a result already.
    """
    with _opened(config) as ledger:
        study = named(ledger, study)
        was = ledger.interventions.cancel(study, person()).state
        state = ledger.studies.get(study).state
    if as_json:
        print_json({"study_instance_uid": study, "state": state.value, "was": was.value})
        return
    running = "; its worker ends the analysis within seconds" if was is StudyState.ANALYSING else ""
    complain(f"study {study} was {was} and is {state}{running}")
