"""What a bundle, and the features of a cohort, say of how they were made."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.analysis import ModelIdentity
from pipeline.training.classifier import ClassifierFit
from pipeline.training.code_identity import code_identity
from pipeline.training.errors import TrainingError
from pipeline.training.extraction import NO_LESION
from pipeline.training.feature_table import FeatureTable
from pipeline.training.making import RECORD, digest
from pipeline.training.manifest import CohortManifest
from pipeline.training.refusals import REFUSAL
from pipeline.training.sources import Sources


def provenance(manifest: CohortManifest, folder: Path, base: ModelIdentity | None) -> dict[str, Any]:
    """Say what made the features in `folder`; names no folder and no patient.

    Parameters
    ----------
    manifest
        Cohort file.
    folder
        Of the features.
    base
        The model whose segmentation made them; None: one of their own.
    """
    record = (folder / RECORD).read_bytes()
    return {
        "software": version("mvi-node"),
        "cohort": manifest.cohort.name,
        "settings_sha256": hashlib.sha256(record).hexdigest(),
        "segmentation_sha256": json.loads(record)["weights"],
        "model": None if base is None else asdict(base),
        "refused": why_refused(folder),
    }


def why_refused(folder: Path) -> dict[str, str]:
    """Return the code, or the reason, by the name of each case in `folder` that was refused."""
    return {
        path.name.removesuffix(REFUSAL): _why(json.loads(path.read_text(encoding="utf-8"))["because"])
        for path in sorted(folder.glob(f"*{REFUSAL}"))
    }


def require_rows(rows: Sequence[Path], folder: Path) -> None:
    """Check that a case has features.

    Raises
    ------
    TrainingError
        None has; the message counts the reasons, and says what to do of the commonest.
    """
    if rows:
        return
    reasons = Counter(why_refused(folder).values())
    counted = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
    if reasons and reasons.most_common(1)[0][0] == NO_LESION:
        advice = (
            "the segmentation finds nothing: give it more steps or more outlined cases, and another work folder; "
            "its log.csv has the Dice on held-out cases"
        )
    else:
        advice = "`mvi-node cohort extract` tells the reason of each, and tries again with --retry"
    raise TrainingError(f"no case has features: {counted or 'none was extracted'}; {advice}")


def _why(because: str) -> str:
    """Return the code of a refusal: its sentence may name a folder, and that a patient."""
    code = re.match(r"[A-Z]+(-[A-Z0-9]+)+(?=:)", because)
    return code[0] if code else NO_LESION if because == NO_LESION else "not readable"


def record_of(
    manifest: CohortManifest, sources: Sources, table: FeatureTable, fit: ClassifierFit, base: ModelIdentity | None
) -> dict[str, Any]:
    """Say how the model was made; names no folder and no patient.

    Parameters
    ----------
    manifest, sources
        Cohort file and its cases.
    table, fit
        What the classifier learnt from, and what became of it.
    base
        The model whose segmentation is taken over.
    """
    segmentation: dict[str, Any] = (
        {"cases": len(sources.segmentation), **manifest.segmentation.model_dump(mode="json")}
        if base is None
        else {"taken_over_from": asdict(base)}
    )
    return {
        "software": version("mvi-node"),
        "code": code_identity(),
        "cohort": manifest.cohort.model_dump(mode="json", exclude={"table"}),
        "phantoms": manifest.phantoms.model_dump(mode="json"),
        "segmentation": segmentation,
        "classifier": {
            "cases": len(table.cases),
            "without_features": len(sources.classifier) - len(table.cases),
            "with_invasion": int(np.sum(table.mvi)),
            "sha256": digest({"values": table.values, "clinical": table.clinical, "mvi": table.mvi}),
            **manifest.classifier.model_dump(mode="json"),
        },
        "left_out": {
            "radiomics": asdict(fit.radiomics),
            "radiomics+clinical": None if fit.combined is None else asdict(fit.combined),
        },
    }
