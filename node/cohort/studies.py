"""Studies of a cohort that the node holds already: looked up once, so that workers need no ledger."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings

if TYPE_CHECKING:
    from dicom_io.assembly import Override


@dataclass(frozen=True)
class StoredStudy:
    """Files of one study, and what people assigned in it."""

    paths: tuple[Path, ...]
    overrides: tuple["Override", ...] = ()
    study_instance_uid: str = ""


def stored_studies(wanted: Collection[str], settings: Settings) -> dict[str, StoredStudy]:
    """Find studies in the node's store.

    Parameters
    ----------
    wanted
        Study Instance UIDs.
    settings
        Of the node.

    Returns
    -------
    dict
        Those that have images, by Study Instance UID.

    Raises
    ------
    StorageError
        Some are wanted and there is no ledger.
    """
    if not wanted:
        return {}
    from node.ledger.ledger import open_ledger  # noqa: PLC0415 - a cohort of folders needs no ledger
    from node.ledger.records import ANALYSED_SOP_CLASSES  # noqa: PLC0415
    from node.storage.folder import existing_ledger_url  # noqa: PLC0415
    from node.studies.overrides import overrides_of  # noqa: PLC0415

    found: dict[str, StoredStudy] = {}
    with open_ledger(existing_ledger_url(settings)) as ledger:
        for uid in wanted:
            paths = tuple(
                (settings.node.storage / file.path).absolute()
                for file in ledger.studies.files(uid)
                if file.sop_class_uid in ANALYSED_SOP_CLASSES
            )
            if paths:
                found[uid] = StoredStudy(paths, overrides_of(ledger.assignments.last(uid)), uid)
    return found
