"""The features of a cohort in one Parquet file, with where they come from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipeline.classification import CLINICAL_FEATURES
from pipeline.training.errors import TrainingError
from pipeline.training.feature_table import FeatureTable, read_table

PARQUET: Final = "features.parquet"
"""In the work folder, beside the folder of the files of the cases."""
PROVENANCE: Final = b"mvi-node"
"""Key of the JSON in the metadata of the file."""
AUTOMATIC, MANUAL, REPEAT = "automatic", "manual", "repeat-"
MOST_REPEATS: Final = 9
_FIRST: Final = ("case", "outline", "mvi", "field_strength_t")


def read_outlines(folder: Path, cases: Sequence[str]) -> dict[str, FeatureTable]:
    """Read the files of the cases: ``NAME.npz``, ``NAME.manual.npz``, ``NAME.repeat-1.npz`` and so on.

    Parameters
    ----------
    folder
        Of the features.
    cases
        Names, in the order in which their rows are wanted.

    Returns
    -------
    dict
        By outline, of the cases that have it: ``automatic``, ``manual``, ``repeat-1`` ...; without those that no
        case has.

    Raises
    ------
    TrainingError
        Two cases have different features.
    """
    ends = {AUTOMATIC: ".npz", MANUAL: f".{MANUAL}.npz"}
    ends |= {f"{REPEAT}{n}": f".{REPEAT}{n}.npz" for n in range(1, MOST_REPEATS + 1)}
    found = {}
    for outline, end in ends.items():
        present = [case for case in cases if (folder / f"{case}{end}").is_file()]
        if present:
            table = read_table([folder / f"{case}{end}" for case in present])
            found[outline] = replace(table, cases=tuple(present))
    return found


def write_parquet(path: Path, tables: Mapping[str, FeatureTable], provenance: Mapping[str, Any]) -> None:
    """Write one row for each case and outline so that the file appears only when complete.

    Parameters
    ----------
    path
        Of the file: columns ``case``, ``outline``, ``mvi``, ``field_strength_t``, the clinical values, and every
        feature.
    tables
        From `read_outlines`, of the same features.
    provenance
        What made them, as JSON; without a patient and without a path.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy, and most verbs need none
    from pyarrow import parquet  # noqa: PLC0415

    values = np.concatenate([table.values for table in tables.values()])
    clinical = np.concatenate([table.clinical for table in tables.values()])
    columns: dict[str, Any] = {
        "case": [case for table in tables.values() for case in table.cases],
        "outline": [outline for outline, table in tables.items() for _ in table.cases],
        "mvi": np.concatenate([table.mvi for table in tables.values()]),
        "field_strength_t": np.concatenate([table.field_strength_t for table in tables.values()]),
    }
    columns |= {name: clinical[:, n] for n, name in enumerate(CLINICAL_FEATURES)}
    columns |= {name: values[:, n] for n, name in enumerate(next(iter(tables.values())).names)}
    written = pa.table(columns).replace_schema_metadata({PROVENANCE: json.dumps(provenance, sort_keys=True)})
    draft = path.with_name(f".{path.name}")
    parquet.write_table(written, draft, compression="zstd")
    draft.rename(path)


def read_parquet(path: Path) -> tuple[dict[str, FeatureTable], dict[str, Any]]:
    """Read what `write_parquet` wrote: the tables by outline, and the provenance.

    Raises
    ------
    TrainingError
        It is no such file.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy, and most verbs need none
    from pyarrow import parquet  # noqa: PLC0415

    try:
        stored = parquet.read_table(path)
        provenance = json.loads((stored.schema.metadata or {})[PROVENANCE])
        columns = {name: stored.column(name).to_numpy() for name in stored.column_names}
        names = tuple(name for name in columns if name not in (*_FIRST, *CLINICAL_FEATURES))
        clinical = np.stack([columns[name] for name in CLINICAL_FEATURES], axis=1)
        values = np.stack([columns[name] for name in names], axis=1)
        outlines = columns["outline"].astype(str)
        tables = {}
        for outline in dict.fromkeys(outlines.tolist()):
            rows = np.flatnonzero(outlines == outline)
            cases = tuple(columns["case"][rows].astype(str).tolist())
            tables[outline] = FeatureTable(
                cases,
                names,
                values[rows],
                clinical[rows],
                columns["mvi"][rows].astype(bool),
                columns["field_strength_t"][rows],
            )
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise TrainingError(f"{path} is no table of features; run `mvi-node cohort extract` again") from error
    return tables, provenance
