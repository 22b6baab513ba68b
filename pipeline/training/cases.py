"""One patient of a cohort file: where the images are, what is known, and what was drawn."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from pipeline.study import Role

StudyInstanceUid = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)+$", max_length=64)]

YES, NO = frozenset({"yes", "true", "1", "y", "positive"}), frozenset({"no", "false", "0", "n", "negative"})


def _outcome(value: object) -> object:
    """Read yes and no; another word is none, which `cohort check` names beside the other problems."""
    word = str(value).strip().lower()
    return True if word in YES else False if word in NO else None


def _none_beyond(value: object) -> object:
    """Refuse cells beyond the columns: which of the line stand in the wrong column nobody knows."""
    if value:
        raise ValueError("more cells than columns; put quotes around a cell that holds the separator")
    return value


Outcome = Annotated[bool | None, BeforeValidator(_outcome)]


class Table(BaseModel):
    """A table of a cohort file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PatientCase(Table):
    """One patient of a cohort."""

    patient: str = ""
    """A pseudonym, by which a patient who is there twice is found; never shown."""
    folder: Path | None = None
    """Folder of the DICOM files; relative to the cohort file."""
    study: StudyInstanceUid | None = None
    """Study Instance UID of a study that the node holds, in place of a folder."""
    images: dict[Role, Path] = Field(default_factory=dict)
    """Six NIfTI or NRRD files by role, in place of a folder; as acquired, not registered."""
    mvi: Outcome = None
    """Microvascular invasion, from pathology."""
    labels: Path | None = None
    """NIfTI on the grid of the hepatobiliary series: 1 liver, 2 tumour; needed to train the segmentation."""
    masks: dict[Role, Path] = Field(default_factory=dict)
    """Tumour outlined by hand, each on the voxels of its sequence: DICOM SEG, RTSTRUCT, NIfTI or NRRD."""
    clinical: dict[str, float | str] = Field(default_factory=dict)
    """Laboratory values by `Analyte`, or by name and unit as ``AST [ukat/L]``; may be incomplete."""

    surplus: Annotated[str, BeforeValidator(_none_beyond)] = Field("", exclude=True)
    """What stands on the line of a table beyond its columns; nothing may."""

    _stated: str = PrivateAttr("")
    _lesson: str = PrivateAttr("")
    _not_understood: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="wrap")
    @classmethod
    def _as_far_as_understood(cls, given: object, read: ModelWrapValidatorHandler[Self]) -> Self:
        """Leave out what is wrong and remember it: one line must not hide the problems of the others."""
        try:
            return read(given)
        except ValidationError as error:
            if not isinstance(given, dict):
                raise
            clear, told = dict(given), []
            for item in error.errors():
                key, *inner = item["loc"]
                told.append(f"{'.'.join(map(str, item['loc']))}: {_sentence(item['msg'], item['type'])}")
                if inner and isinstance(clear.get(key), dict):
                    clear[key] = {name: value for name, value in clear[key].items() if name != inner[0]}
                else:
                    clear.pop(key, None)
            case = read(clear)
            case._not_understood = tuple(told)
            return case

    @property
    def has_one_place(self) -> bool:
        """Whether it is said once where the images are."""
        return sum((self.folder is not None, self.study is not None, bool(self.images))) == 1

    @property
    def problems(self) -> tuple[str, ...]:
        """What the cohort file says of the case and cannot mean; nothing of it may be worked with."""
        # An image of an unknown role, or a study that is none, is said already.
        place = () if self.has_one_place or self._not_understood else ("name one of folder, study and images",)
        return (*self._not_understood, *place)

    @property
    def without_outcome_because(self) -> str:
        """Why there is no outcome: nothing is said, or a word that is neither yes nor no."""
        if "mvi" not in self.model_fields_set:
            return "the outcome is missing; fill mvi in with yes or no"
        return "the outcome is not understood; mvi must be yes or no"

    @property
    def stated(self) -> str:
        """SHA-256 of all that the cohort file says of the case, paths as they stand in it."""
        return self._stated or _digest(self)

    @property
    def lesson(self) -> str:
        """SHA-256 of what it says of images and labels, which a segmentation learns from."""
        return self._lesson or _digest(self, "folder", "study", "images", "labels")

    def relative_to(self, here: Path) -> "PatientCase":
        """Return the case with paths that start at the folder of the cohort file."""
        stated, lesson = self.stated, self.lesson
        moved = self.model_copy(
            update={
                "folder": self.folder and here / self.folder,
                "labels": self.labels and here / self.labels,
                "images": {role: here / path for role, path in self.images.items()},
                "masks": {role: here / path for role, path in self.masks.items()},
            }
        )
        # A cohort that moves as a whole says the same of its cases.
        moved._stated, moved._lesson = stated, lesson
        return moved

    def paths(self) -> Iterator[Path]:
        """Give every file and folder that the case names."""
        yield from (path for path in (self.folder, self.labels) if path is not None)
        yield from (*self.images.values(), *self.masks.values())

    def places(self) -> frozenset[str]:
        """Return what tells its images from those of another patient."""
        places = [path.resolve() for path in (self.folder, *self.images.values()) if path is not None]
        return frozenset([*map(str, places), *([self.study] if self.study else [])])


def _sentence(message: str, kind: str) -> str:
    return "unknown key" if kind == "extra_forbidden" else message.removeprefix("Value error, ")


def _digest(case: PatientCase, *fields: str) -> str:
    document = case.model_dump(mode="json", include=set(fields) or None)
    content = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()
