"""Why a study is not analysed, in a radiologist's words."""

from dataclasses import dataclass

from dicom_io.assembly.match_result import MatchResult, RejectedSubVolume
from dicom_io.results.wording import ROLE_TITLES, in_words
from pipeline.errors import StudyError
from pipeline.study import Role

NO_REPORT = "There is no report: nothing of the study can be read, and so nobody knows whose it is."
"""Told of a refusal that no object of a patient can say."""
MOST_REJECTED = 40
"""Sub-volumes that are listed; a study of a whole day would otherwise fill pages."""

NO_REMEDY = "Read the study without this result, and ask who runs the node to look into its log."
"""What helps where nothing better is known."""


@dataclass(frozen=True)
class Refusal:
    """Why a study is not analysed.

    Parameters
    ----------
    code
        Of the reference table.
    message, remedy
        A sentence each, in a radiologist's words.
    stage
        Where it happened.
    details
        Further sentences: what was assigned by hand, which roles were filled, why other series were not taken.
    """

    code: str
    message: str
    remedy: str
    stage: str
    details: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Message and remedy as one text."""
        return " ".join(part for part in (self.message, self.remedy) if part)

    @classmethod
    def of(
        cls,
        cause: StudyError | MatchResult,
        assignments: tuple[str, ...] = (),
        match: MatchResult | None = None,
    ) -> "Refusal":
        """Take the facts from an error, or from a refused match.

        Parameters
        ----------
        assignments
            What people assigned by hand, told first.
        match
            The accepted one that an error came after: a reader is told which series was the sequence it names.
        """
        if isinstance(cause, StudyError):
            remedy, taken = in_words(cause.remedy) or NO_REMEDY, () if match is None else _found(match)
            return cls(cause.code, in_words(cause.message), remedy, cause.stage, (*assignments, *taken))
        code, message, remedy = (
            cause.code or "SM-REFUSED",
            in_words(cause.message),
            in_words(cause.remedy) or NO_REMEDY,
        )
        return cls(code, message, remedy, "assemble", (*assignments, *_details(cause)))


def _details(match: MatchResult) -> tuple[str, ...]:
    missing = [ROLE_TITLES[role] for role in Role if role not in match.roles]
    sentences = [*_found(match)]
    if missing:
        sentences.append(f"Missing: {', '.join(missing)}.")
    # The three planes of a localizer are three sub-volumes with one sentence.
    rejected = tuple(dict.fromkeys(_not_used(entry) for entry in match.rejected))
    sentences.extend(rejected[:MOST_REJECTED])
    if len(rejected) > MOST_REJECTED:
        sentences.append(f"{len(rejected) - MOST_REJECTED} more sub-volumes were not used.")
    return tuple(sentences)


def _found(match: MatchResult) -> tuple[str, ...]:
    return tuple(
        f"{ROLE_TITLES[role]}: {_series(chosen.series_number, chosen.series_description)} was found."
        for role, chosen in match.roles.items()
    )


def _not_used(entry: RejectedSubVolume) -> str:
    part = f", {entry.sub_volume}" if entry.sub_volume else ""
    series = _series(entry.series_number, entry.series_description)
    return f"Not used: {series}{part}: {entry.because.rstrip('.')} ({entry.code})."


def _series(number: int | None, description: str) -> str:
    return f"series {'without number' if number is None else number} ({description or 'no description'})"
