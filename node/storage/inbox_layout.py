"""Where an instance lies in the storage folder. No UID of a peer is ever part of a path.

It is ``inbox/<sha256 of the study UID>/<sha256 of the SOP Instance UID>-<sha256 of the data set>.dcm``.
"""

import hashlib
from pathlib import Path

from dicom_io.network.identity import InstanceIdentity

INBOX = "inbox"
ARRIVING = ".arriving"
SET_ASIDE = ".set-aside"
"""Folder, beside those of studies, of what is on its way to deletion."""


def inbox_folder(storage: Path, study_instance_uid: str) -> Path:
    """Return the folder of the instances of a study; a UID came from the network and is never a path."""
    return storage / INBOX / _hash(study_instance_uid)


def instance_path(identity: InstanceIdentity, content_sha256: str) -> str:
    """Return the path of an instance, relative to the storage folder, with forward slashes."""
    return f"{INBOX}/{_hash(identity.study_instance_uid)}/{_hash(identity.sop_instance_uid)}-{content_sha256}.dcm"


def content_of(path: str) -> str:
    """Return the SHA-256 of the data set, which the name of its file ends with."""
    return path.rpartition("-")[2].removesuffix(".dcm")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
