"""`mvi-node studies purge`: delete images and results of a study, or of all that are due by rule."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import ConfigError
from config.loading import load_settings
from config.settings import Settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, complain, ended, print_json, verb
from node.cli.person import person
from node.cli.study_argument import named
from node.cli.tables import show_table
from node.ledger.ledger import Ledger, open_ledger
from node.ledger.purges import Extent
from node.storage.folder import demand_own_storage, existing_ledger_url
from node.storage.reserve import reserve_at_hand

if TYPE_CHECKING:
    from node.ledger.purges import Purged


@verb
def purge(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY_INSTANCE_UID]", help="StudyInstanceUID.", show_default=False)
    ] = None,
    due: Annotated[bool, typer.Option("--due", help="All that is due by the rules of [retention] now.")] = False,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Also where its results did not reach every peer: they are lost.")
    ] = False,
    images_only: Annotated[bool, typer.Option("--images-only", help="Keep the results.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --due: say what would go, delete nothing.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete the images and results of a study from this node; what its peers have stays with them.

    It is recorded in the audit trail. Images that are sent again later are a new arrival. Exit code 3: the results
    are not delivered and confirmed, and --undelivered is not given. Exit code 1: the study is not known, or is
    being analysed.
    """
    from node.storage.purging import UndeliveredError  # noqa: PLC0415 - `--help` needs no DICOM

    if (study is None) is not due or (dry_run and not due) or (due and (undelivered or images_only)):
        raise ConfigError(
            ["name one study, perhaps with --undelivered or --images-only; or --due, perhaps with --dry-run"]
        )
    settings = load_settings(config, os.environ)
    with reserve_at_hand(settings.node.storage), open_ledger(existing_ledger_url(settings)) as ledger:
        demand_own_storage(ledger, settings)
        try:
            if study is None:
                purged = _due(ledger, settings, dry_run=dry_run)
            else:
                study = named(ledger, study)
                extent = Extent(results=not images_only)
                purged = [_one(ledger, settings, study, extent, undelivered=undelivered)]
        except UndeliveredError as error:
            raise ended(ExitCode.REFUSED, str(error), code=error.code, as_json=as_json) from error
    _tell(purged, dry_run=dry_run, as_json=as_json)


def _one(ledger: Ledger, settings: Settings, study: str, extent: Extent, *, undelivered: bool) -> "Purged":
    from node.storage.purging import Purger  # noqa: PLC0415

    purger = Purger(ledger, settings.node.storage, unconfirmed=settings.retention.unconfirmed)
    return purger.by_person(study, extent, person(), undelivered=undelivered)


def _due(ledger: Ledger, settings: Settings, *, dry_run: bool) -> "list[Purged]":
    from node.storage.retention import Retention  # noqa: PLC0415

    retention = Retention(ledger, settings.node.storage, settings)
    return retention.foretell() if dry_run else retention.purge_due(f"by {person()}")


def _tell(purged: "Sequence[Purged]", *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"dry_run": dry_run, "purged": [asdict(item) for item in purged]})
        return
    columns = ("StudyInstanceUID", "files", "bytes", "results")
    rows = [(item.study_instance_uid, item.files, item.size_bytes, item.results) for item in purged]
    show_table(columns, rows, title="would be deleted" if dry_run else "deleted")
    complain(f"{'nothing is deleted: ' if dry_run else ''}{len(purged)} studies")
