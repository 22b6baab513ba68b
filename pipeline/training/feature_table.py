"""What the classifier learns from: one row a case, each in an own file so that extraction can stop and go on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from pipeline.features import FeatureVector
from pipeline.training.errors import TrainingError


@dataclass(frozen=True)
class Acquired:
    """What a case tells of its images beside its features; the limits of a model are made from it.

    Parameters
    ----------
    field_strength_t, contrast_agents
        As in `Study`.
    displaced_likeness
        Largest of its sequences, see `GateSettings.maximum_displaced_likeness`; None: unknown.
    """

    field_strength_t: float | None = None
    contrast_agents: tuple[str, ...] = ()
    displaced_likeness: float | None = None


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features and outcome of a cohort.

    Parameters
    ----------
    cases
        Names of the rows.
    names
        Names of the radiomics features.
    values
        (cases, features).
    clinical
        (cases, 7) in the order of `CLINICAL_FEATURES`; NaN where absent.
    mvi
        (cases,), the outcome.
    field_strength_t
        (cases,), T; NaN where no header stated it, or extraction did not keep it yet.
    contrast_agents
        (cases,), names joined by a blank; empty where no header named one, or extraction did not keep it yet.
    displaced_likeness
        (cases,), as of `Acquired`; NaN where extraction did not keep it yet. Empty: of none.

    Raises
    ------
    TrainingError
        ``CM-NUMBER``: a feature is no finite number.
    """

    cases: tuple[str, ...]
    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    clinical: npt.NDArray[np.float64]
    mvi: npt.NDArray[np.bool_]
    field_strength_t: npt.NDArray[np.float64]
    contrast_agents: tuple[str, ...] = ()
    displaced_likeness: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if np.isfinite(self.values).all():
            return
        row, column = np.argwhere(~np.isfinite(self.values))[0].tolist()
        raise TrainingError(
            f"CM-NUMBER: feature {self.names[column]} of {self.cases[row]} is no finite number; remove the file "
            "of this case from the features, and `mvi-node cohort extract` makes it again"
        )

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Tell which cases have all clinical values; (cases,)."""
        return np.asarray(np.isfinite(self.clinical).all(axis=1))


def write_row(
    path: Path,
    features: FeatureVector,
    clinical: npt.ArrayLike,
    mvi: bool,
    acquired: Acquired = Acquired(),
) -> None:
    """Write one case so that the file appears only when complete.

    Parameters
    ----------
    path
        Of the row.
    features, clinical, mvi
        As in `FeatureTable`.
    acquired
        Of its images.
    """
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        np.savez_compressed(
            file,
            names=np.array(features.names),
            values=features.values,
            clinical=np.asarray(clinical, dtype=np.float64),
            mvi=np.array(mvi),
            field_strength_t=np.array(_known(acquired.field_strength_t)),
            contrast_agents=np.array(" ".join(sorted(acquired.contrast_agents))),
            displaced_likeness=np.array(_known(acquired.displaced_likeness)),
        )
    draft.rename(path)


def read_table(paths: Sequence[Path]) -> FeatureTable:
    """Join the rows of a cohort.

    Raises
    ------
    TrainingError
        There is no row, or one cannot be read or has other features than the first.
    """
    if not paths:
        raise TrainingError("no case has features; run `mvi-node cohort extract` and read its refusals")
    names: tuple[str, ...] | None = None
    values, clinical, mvi, agents = [], [], [], []
    field_t, likeness = [], []
    for path in paths:
        try:
            # Opened here: where NumPy finds no archive it leaves its own file open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as row:
                found = tuple(row["names"].tolist())
                values.append(row["values"])
                clinical.append(row["clinical"])
                mvi.append(bool(row["mvi"]))
                field_t.append(float(row["field_strength_t"]) if "field_strength_t" in row else np.nan)
                likeness.append(float(row["displaced_likeness"]) if "displaced_likeness" in row else np.nan)
                agents.append(str(row["contrast_agents"]) if "contrast_agents" in row else "")
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise TrainingError(f"{path} cannot be read; remove it and extract again") from error
        names = names or found
        if found != names:
            raise TrainingError(f"{path} holds other features than {paths[0]}; remove it and extract again")
    return FeatureTable(
        tuple(path.stem for path in paths),
        names or (),
        np.array(values),
        np.array(clinical),
        np.array(mvi),
        np.array(field_t),
        tuple(agents),
        np.array(likeness),
    )


def _known(value: float | None) -> float:
    return np.nan if value is None else value
