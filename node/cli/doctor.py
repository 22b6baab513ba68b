"""`mvi-node doctor`: every dependency, one line each."""

import os
from typing import Annotated

import typer

from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, print_json, verb


@verb
def doctor(
    notify: Annotated[
        bool, typer.Option("--notify", help="Send a test message over each channel of [notify], too.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Examine disk, ledger, ports, certificates, model, clock, laboratory, notices, peers; say what to do.

    Exit code 1: the node cannot do its work. Exit code 2: the configuration is wrong. Exit code 4: a peer that
    receives results does not answer, and nothing else is wrong.
    """
    from node.diagnosis.doctor import examine  # noqa: PLC0415 - `--help` needs no DICOM
    from node.diagnosis.finding import Finding, Verdict  # noqa: PLC0415 - as above

    findings: list[Finding] = []
    for finding in examine(load_settings(config, os.environ), send_notice=notify):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{finding.verdict:<12}{finding.name:<15} {finding.detail}")
    verdicts = {finding.verdict for finding in findings}
    if as_json:
        checks = [{"name": item.name, "verdict": item.verdict.value, "detail": item.detail} for item in findings]
        print_json({"ok": verdicts <= {Verdict.OK, Verdict.WARNING}, "checks": checks})
    if Verdict.FAILED in verdicts:
        raise typer.Exit(ExitCode.FAILED)
    if Verdict.UNREACHABLE in verdicts:
        raise typer.Exit(ExitCode.PEER_UNREACHABLE)
