"""`mvi-node audit`: the audit trail, as messages, and whether it is whole."""

import os
import sys
from typing import Annotated

import typer

from config.loading import load_settings
from node.audit.events import event_from_json
from node.audit.message import audit_message
from node.audit.reading import record_reading
from node.audit.sent import trail_problems
from node.audit.trail import AuditTrailError, Trail
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, complain, print_json, verb
from node.cli.person import person
from node.ledger.ledger import utc_now

app = typer.Typer(no_args_is_help=True, help="The audit trail: who did what.")


@app.command(epilog="Example: mvi-node audit export --xml > audit.xml")
@verb
def export(
    xml: Annotated[bool, typer.Option("--xml", help="Audit messages of PS3.15 A.5, one a line.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the trail as it was written: one line an event, or with --xml one message of PS3.15 A.5.

    The Patient ID of a study is in the messages and in the JSON document alone. Who reads the trail is written
    into it first, and is the last line shown.
    """
    settings = load_settings(config, os.environ)
    trail = Trail(settings.node.storage)
    if not trail.size():
        raise AuditTrailError(f"there is no audit trail in {settings.node.storage}; see node.storage")
    record_reading(trail, person(), utc_now())
    records = trail.records()
    if as_json:
        print_json({"audit": list(records)})
        return
    for record in records:
        if xml:
            sys.stdout.write(audit_message(event_from_json(record), settings.node.ae_title).decode() + "\n")
        else:
            people = " to ".join(item["user_id"] for item in record["participants"])
            what = record["type"] or record["event"]
            count = f" {record['instances']} instances" if record["instances"] else ""
            study = f" study {record['study_instance_uid']}" if record["study_instance_uid"] else ""
            detail = f" ({record['detail']})" if record["detail"] else ""
            typer.echo(f"{record['at']} {what.lower()} {people}{count}{study}{detail}")


@app.command(epilog="Example: mvi-node audit verify")
@verb
def verify(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check that no line of the trail was changed or taken out; exit 1 where one was, or where there is none.

    Lines that were cut off at the end show where an audit repository has got them.
    """
    storage = load_settings(config, os.environ).node.storage
    problems = trail_problems(storage)
    lines = 0 if problems else sum(1 for _ in Trail(storage).records())
    if as_json:
        print_json({"whole": not problems, "lines": lines, "problems": problems})
    else:
        complain("; ".join(problems) or f"the audit trail is whole, {lines} lines")
    if problems:
        raise typer.Exit(ExitCode.FAILED)
