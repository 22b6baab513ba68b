"""Whose images a segmentation learnt from: its outlines of them are not what it makes of strangers.

A bundle carries a digest of each image, and no name: it tells a patient from another wherever the files lie, and
however a cohort file names them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipeline.study import FIXED_ROLE, Study

IMAGE: Final = ".image.json"
"""Beside the features of a case: the digest of its image."""
TEACHERS: Final = "teachers.json"
"""In the folder of the features: whose images the segmentation that made them learnt from."""
_SHOWN: Final = (".npz", ".agreement.json")
"""Ends of the files of a case from which figures are made."""
SEEDS: Final = "phantom-{:06d}"


@dataclass(frozen=True)
class Teachers:
    """Whom a segmentation learnt from.

    Parameters
    ----------
    images
        Digests of their images, from `image_digest`; None where nobody noted them.
    phantoms
        First seed and number of each range of phantoms.
    """

    images: frozenset[str] | None = None
    phantoms: tuple[tuple[int, int], ...] = ()

    def document(self) -> dict[str, Any]:
        """Return this as JSON."""
        return {
            "images": None if self.images is None else sorted(self.images),
            "phantoms": [list(seeds) for seeds in self.phantoms],
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any] | None) -> "Teachers":
        """Read what `document` gives; unknown teachers where it is none."""
        try:
            given = dict(document or {})
            images = given.get("images")
            return cls(
                None if images is None else frozenset(map(str, images)),
                tuple((int(first), int(count)) for first, count in given.get("phantoms", ())),
            )
        except (TypeError, ValueError):
            return cls()

    @classmethod
    def of_bundle(cls, training: Mapping[str, Any]) -> "Teachers":
        """Read how a bundle was made; one of phantoms alone need not have noted their images."""
        if "segmentation_teachers" in training:
            return cls.of_document(training["segmentation_teachers"])
        if (training.get("cohort") or {}).get("kind") != "phantom":
            return cls()
        seeds = training.get("phantoms") or {}
        return cls(frozenset(), ((int(seeds.get("first_seed", 0)), int(seeds.get("count", 0))),))


def image_digest(study: Study) -> str:
    """Return the SHA-256 of the values of the hepatobiliary phase, smallest first.

    Sorted, since a conversion to NIfTI turns and mirrors the axes, and keeps every value.
    """
    values = np.sort(study.volumes[FIXED_ROLE].array.astype(np.float32), axis=None)
    return hashlib.sha256(values.tobytes()).hexdigest()


def note_image(folder: Path, name: str, study: Study) -> None:
    """Keep the digest of a case beside its features."""
    (folder / f"{name}{IMAGE}").write_text(json.dumps({"sha256": image_digest(study)}) + "\n", encoding="utf-8")


def note_teachers(folder: Path, teachers: Teachers) -> None:
    """Keep whose images the segmentation learnt from that made the features in `folder`."""
    draft = folder / f".{TEACHERS}"
    draft.write_text(json.dumps(teachers.document(), indent=2) + "\n", encoding="utf-8")
    draft.rename(folder / TEACHERS)


def without_image(folder: Path, cases: Iterable[str]) -> list[str]:
    """Return the patients of whom no image is noted that the teachers in `folder` could be compared with."""
    if not _teachers(folder).images:
        return []
    # A case that was refused has nothing that could be shown.
    return [
        case
        for case in cases
        if not _is_phantom(case)
        and any((folder / f"{case}{end}").is_file() for end in _SHOWN)
        and _image(folder, case) is None
    ]


def taught_among(folder: Path, cases: Sequence[str]) -> list[str] | None:
    """Return those of `cases` that the segmentation learnt from; None where that is not known of all.

    Parameters
    ----------
    folder
        Of their features.
    cases
        Their names.
    """
    teachers = _teachers(folder)
    if teachers.images is None or without_image(folder, cases):
        return None
    seeds = {SEEDS.format(first + n) for first, count in teachers.phantoms for n in range(count)}
    return [case for case in cases if case in seeds or _image(folder, case) in teachers.images]


def _is_phantom(case: str) -> bool:
    return case.startswith(SEEDS.partition("{")[0])


def _teachers(folder: Path) -> Teachers:
    return Teachers.of_document(_read(folder / TEACHERS))


def _image(folder: Path, case: str) -> str | None:
    sha256 = _read(folder / f"{case}{IMAGE}").get("sha256")
    return sha256 if isinstance(sha256, str) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
