"""`mvi-node simulate`: site acceptance, phantom studies through a live node."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from config.errors import ConfigError
from dicom_io.network.requestor import PeerError, RemoteAE
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, complain, ended, print_json, verb
from node.cli.person import person
from node.cli.simulate_text import show_acceptance, show_plays, showing_progress
from node.interrupts import heard_sigterm
from node.ledger.records import ObjectKind
from node.simulation.addresses import (
    checked_ae_title,
    default_pause_s,
    default_wait_s,
    facing_address,
    find_node,
)
from node.simulation.casting import performances
from node.simulation.expectation import Tolerance
from node.simulation.plan import Plan
from node.simulation.session import Session
from node.simulation.site_report import site_report


@verb
def simulate(  # noqa: PLR0913, PLR0917 - what a site may choose
    to: Annotated[
        str, typer.Option("--to", help="AE@HOST:PORT of the node. Default: that of the configuration, here.")
    ] = "",
    scenario: Annotated[
        list[str],
        typer.Option(help="What is played; may be repeated; all, or one of `mvi-node phantom --list` too."),
    ] = ["all"],  # noqa: B006 - typer copies it
    vendor: Annotated[list[str], typer.Option(help="Whose scanner; may be repeated; all.")] = ["ge"],  # noqa: B006
    show_list: Annotated[bool, typer.Option("--list", help="List the scenarios, and send nothing.")] = False,
    ae_title: Annotated[str, typer.Option(help="Own AE title, as scanner and as PACS.")] = "MVI-ACCEPT",
    host: Annotated[str, typer.Option(help="Own address, as the node sees it. Default: found out.")] = "",
    port: Annotated[int, typer.Option(help="Port on which results are received.", min=1, max=65535)] = 11113,
    tls: Annotated[
        bool, typer.Option("--tls", help="Send and receive over TLS, with the certificate of [tls] in --config.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the anatomy and of every random order.", min=0)] = 11,
    size: Annotated[Literal["full", "small"], typer.Option(help="small: a quarter of the pixels.")] = "full",
    pause: Annotated[
        float | None,
        typer.Option(
            help="Before a late phase, and for twins at the end, s. Default: settle_s and more, 70.", min=0
        ),
    ] = None,
    wait: Annotated[
        float | None, typer.Option(help="Longest silence in which results are awaited, s. Default: 7200.", min=1)
    ] = None,
    output: Annotated[
        list[ObjectKind] | None, typer.Option("--output", help="Only this is sent to us; may be repeated.")
    ] = None,
    any_model: Annotated[
        bool, typer.Option("--any-model", help="The model need not know phantoms: its findings are not judged.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="HTML for the site's file, to be signed.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Folder for what was sent and what came back.")
    ] = None,
    site: Annotated[str, typer.Option(help="Name of the site, for the report.")] = "",
    operator: Annotated[str, typer.Option(help="Who runs it, for the report. Default: the user here.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play phantom studies through a live node as a scanner would, and check what comes back as a PACS would.

    Patients are synthetic; their Patient IDs begin with MVI-ACCEPTANCE, by which a site deletes them afterwards.
    Studies that must be refused are answered only after the deadline_s of the node, 90 minutes unless it is set
    lower. Exit 1: something was not as expected; 4: the node cannot be reached. For research use only. Not a
    medical device.
    """
    if show_list:
        show_plays(as_json=as_json)
        return
    if report is not None and not report.parent.is_dir():
        raise ConfigError([f"{report.parent} is no folder; name another place with --report"])
    if output is not None and ObjectKind.SR not in output:
        raise ConfigError(["without --output sr no answer of the node can be read"])
    node, settings = find_node(to, config, os.environ, tls=tls)
    now = datetime.now(UTC).astimezone()
    plan = Plan(
        node=node,
        own=RemoteAE(checked_ae_title(ae_title), host or facing_address(node), port, node.tls),
        performances=performances(scenario, vendor),
        run=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        seed=seed,
        size=size,
        pause_s=default_pause_s(settings) if pause is None else pause,
        wait_s=default_wait_s(settings) if wait is None else wait,
        outputs=tuple(kind.value for kind in ObjectKind if output is None or kind in output),
        tolerance=Tolerance(any_model=any_model),
    )
    session = Session(plan, site=site, operator=operator or person(), began_at=now)
    try:
        session.check(settings, config)
        with heard_sigterm(), showing_progress() as on_progress, _folder(keep) as folder:
            acceptance = session.run(folder, on_progress)
    except PeerError as error:
        exit_code = ExitCode.PEER_UNREACHABLE if error.transient else ExitCode.FAILED
        raise ended(exit_code, str(error), as_json=as_json) from error
    if report is not None:
        report.write_text(site_report(acceptance), encoding="utf-8")
        complain(f"wrote {report}; print it, sign it, file it")
    if as_json:
        print_json(acceptance.document())
    else:
        show_acceptance(acceptance)
    if not acceptance.passed:
        raise typer.Exit(ExitCode.FAILED)


def _folder(keep: Path | None) -> AbstractContextManager[Path]:
    if keep is None:
        return _temporary()
    if keep.exists() and any(keep.iterdir()):
        raise ConfigError([f"{keep} is not empty; name a new or empty folder with --keep"])
    return nullcontext(keep)


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mvi-node-simulate-") as name:
        yield Path(name)
