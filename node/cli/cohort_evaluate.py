"""`mvi-node cohort evaluate`: the paper's experiments on the features of a cohort."""

import os
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from config.analytes import analytes_in_force
from config.errors import ConfigError
from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import complain, print_json, verb
from node.compute.dask_engine import DaskExecutor
from node.ledger.ledger import utc_now


@verb
def evaluate(  # noqa: PLR0913, PLR0917 - options of a verb
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Cohort file (TOML), or a table (CSV).")],
    work: Annotated[Path, typer.Option("--work", metavar="DIR", help="Folder that `cohort extract` filled.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the report. Default: WORK/evaluation.")
    ] = None,
    external: Annotated[
        Path | None,
        typer.Option("--external", metavar="FILE", help="Cohort file of other patients, to be tested on only."),
    ] = None,
    external_work: Annotated[
        Path | None, typer.Option("--external-work", metavar="DIR", help="Folder of its features.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=2, max=1000, help="Random splits.")] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the first split; the others follow.")] = 0,
    permutations: Annotated[
        int, typer.Option("--permutations", min=1, help="Shuffles of the permutation test.")
    ] = 99,
    shuffle_labels: Annotated[
        bool, typer.Option("--shuffle-labels", help="Deal the outcomes out anew: all must come out as chance.")
    ] = False,
    cnn: Annotated[
        bool, typer.Option("--cnn", help="Fit end-to-end networks after Wu et al. too; many times as long.")
    ] = False,
    select_clinical: Annotated[
        bool,
        typer.Option("--select-clinical", help="Choose the clinical values anew in each training part."),
    ] = False,
    processes: Annotated[
        int,
        typer.Option("--processes", min=1, max=64, help="Splits at once, here; a Dask cluster: compute.engine."),
    ] = 1,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Repeat the paper's experiments on extracted features; every figure is of patients that no fit has seen."""
    from node.cohort.clinical import is_further  # noqa: PLC0415 - `--help` needs no numpy
    from pipeline.evaluation.offline import (  # noqa: PLC0415 - nor torch
        Options,
        Place,
        evaluate_place,
        local_workers,
    )

    settings = load_settings(config, os.environ)
    compute, analytes = settings.compute, analytes_in_force(settings.labs.analytes)
    if (external is None) != (external_work is None):
        raise ConfigError(["--external and --external-work belong together; name both or none"])
    other = Place(external, external_work) if external is not None and external_work is not None else None
    folder = out or work / "evaluation"
    command = shlex.join(["mvi-node", *sys.argv[1:]])
    options = Options(
        repeats,
        seed,
        permutations,
        shuffle_labels,
        cnn,
        select_clinical,
        command,
        utc_now().isoformat(timespec="seconds"),
        partial(is_further, rules=analytes),
    )
    cluster = DaskExecutor(compute.scheduler) if compute.engine == "dask" else None
    with cluster or local_workers(processes) as executor:
        document = evaluate_place(Place(file, work), other, folder, options, executor, complain)
    if as_json:
        print_json(document)
        return
    for line in (*document["warnings"], document["headline"]):
        complain(line)
    complain(f"wrote {folder / 'report.html'}")
