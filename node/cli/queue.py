"""`mvi-node queue`: what waits, runs, failed, and what has not reached the PACS."""

from node.cli.config import ConfigOption, JsonOption
from node.cli.output import print_json, verb
from node.cli.studies import opened
from node.cli.tables import show_table
from node.states import StudyState
from node.study_report import as_json_value

WAITS = (StudyState.RECEIVING, StudyState.READY, StudyState.RETRY)
FAILED = (StudyState.FAILED, StudyState.UNDELIVERED)
_STUDY_COLUMNS = ("StudyInstanceUID", "state", "attempts", "code", "message")


@verb
def queue(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what waits, runs, failed, and what has not reached the PACS."""
    with opened(config) as (ledger, _):
        groups = {
            "waiting": ledger.studies.all(WAITS),
            "running": ledger.studies.all([StudyState.ANALYSING]),
            "failed": ledger.studies.all(FAILED),
        }
        undelivered = ledger.outbox.open()
        counts = ledger.studies.count()
    if as_json:
        listed = {name: [as_json_value(study) for study in studies] for name, studies in groups.items()}
        counted = {state.value: number for state, number in counts.items()}
        print_json({**listed, "undelivered": [as_json_value(item) for item in undelivered], "counts": counted})
        return
    for name, studies in groups.items():
        rows = [(item.study_instance_uid, item.state, item.attempts, item.code, item.message) for item in studies]
        show_table(_STUDY_COLUMNS, rows, title=f"{name}: {len(studies)}")
    show_table(
        ("StudyInstanceUID", "object", "peer", "state", "attempts", "error"),
        [
            (item.study_instance_uid, item.kind, item.destination, item.state, item.attempts, item.error)
            for item in undelivered
        ],
        title=f"not at its peer: {len(undelivered)}",
    )
