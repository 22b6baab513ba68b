"""`mvi-node queue`: what waits, runs, failed, and what has not reached the PACS."""

from rich.console import Console

from node.cli.config import ConfigOption, JsonOption
from node.cli.output import print_json, verb
from node.cli.studies import folding_table, opened
from node.states import StudyState
from node.study_report import as_json_value

WAITS = (StudyState.RECEIVING, StudyState.READY, StudyState.RETRY)
FAILED = (StudyState.FAILED, StudyState.UNDELIVERED)


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
    console = Console()
    for name, studies in groups.items():
        table = folding_table(
            "StudyInstanceUID", "state", "attempts", "code", "message", title=f"{name}: {len(studies)}"
        )
        for study in studies:
            cells = (study.study_instance_uid, study.state, str(study.attempts), study.code, study.message)
            table.add_row(*(cell or "" for cell in cells))
        console.print(table)
    table = folding_table(
        "object", "peer", "state", "attempts", "error", title=f"not at its peer: {len(undelivered)}"
    )
    for item in undelivered:
        table.add_row(
            f"{item.kind} of {item.study_instance_uid}",
            item.destination,
            item.state,
            str(item.attempts),
            item.error or "",
        )
    console.print(table)
