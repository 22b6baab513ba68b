"""Whether the node can keep what it receives: the storage folder, its disk, and the ledger."""

import shutil

from config.errors import NodeError
from config.settings import Settings
from node.diagnosis.finding import Finding, Verdict
from node.diagnosis.storage import check_storage
from node.ledger.ledger import open_ledger
from node.storage.folder import existing_ledger_url
from node.storage.retention import low_disk_bytes


def diagnose_storage(settings: Settings) -> Finding:
    """Write to the storage folder, remove that again, and look at the free space."""
    name, node = "storage", settings.node
    # Where nothing was received yet the folder is not made: looking must leave no trace.
    folder = node.storage.resolve()
    try:
        existing = check_storage(folder)
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))
    free = shutil.disk_usage(existing).free
    words = f"{folder} has {free / 1e9:.1f} GB free"
    if free < node.minimum_free_bytes:
        words += f", and below {node.minimum_free_bytes / 1e9:.1f} GB nothing is received; make space, or lower "
        return Finding(name, Verdict.FAILED, f"{words}node.minimum_free_bytes")
    low = low_disk_bytes(settings)
    if free < low:
        words += f", less than {low / 1e9:.1f} GB; make space, or shorten retention.images_days"
        return Finding(name, Verdict.WARNING, words)
    return Finding(name, Verdict.OK, words)


def diagnose_ledger(settings: Settings) -> Finding:
    """Open the ledger where there is one, and count its studies."""
    name = "ledger"
    try:
        url = existing_ledger_url(settings)
    except NodeError:
        return Finding(name, Verdict.OK, "not there yet; the first start makes it")
    try:
        with open_ledger(url) as ledger:
            studies = sum(ledger.studies.count().values())
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))
    return Finding(name, Verdict.OK, f"answers, {studies} studies")
