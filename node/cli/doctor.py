"""`mvi-node doctor`: every dependency, one line each."""

import os
from typing import Annotated

import typer

from config.loading import examine_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, ended, print_json, verb


@verb
def doctor(
    notify: Annotated[
        bool, typer.Option("--notify", help="Send a test message over each channel of [notify], too.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Examine disk, ledger, ports, certificates, model, clock, laboratory, notices, peers; say what to do.

    Exit code 1: the node cannot do its work. Exit code 2: the configuration is wrong; what needs no wrong key is
    examined all the same. Exit code 4: a peer that receives results does not answer, and nothing else is wrong.
    """
    from node.diagnosis.doctor import examine  # noqa: PLC0415 - `--help` needs no DICOM
    from node.diagnosis.finding import Finding, Verdict  # noqa: PLC0415 - as above

    findings: list[Finding] = []
    examined = examine_settings(config, os.environ)
    for finding in examine(examined, send_notice=notify):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{finding.verdict:<12}{finding.name:<15} {finding.detail}")
    verdicts = {finding.verdict for finding in findings}
    if as_json:
        checks = [{"name": item.name, "verdict": item.verdict.value, "detail": item.detail} for item in findings]
        print_json({"ok": verdicts <= {Verdict.OK, Verdict.WARNING}, "checks": checks})
    if examined.problems:
        message = "the configuration is wrong: mend what is said of settings, then run doctor again"
        raise ended(ExitCode.USAGE, message)
    if Verdict.FAILED in verdicts:
        raise typer.Exit(ExitCode.FAILED)
    if Verdict.UNREACHABLE in verdicts:
        raise typer.Exit(ExitCode.PEER_UNREACHABLE)
