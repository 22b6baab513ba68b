"""Who and when: a synthetic patient, the clock of the examination, and UIDs derived from the seed."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dicom_io.results.uids import derive_uid

FIRST_STUDY = date(2024, 1, 2)
PATIENT_WEIGHT_KG = 70


@dataclass(frozen=True)
class PhantomIdentity:
    """Identity of one phantom study.

    Parameters
    ----------
    seed
        Of the case.
    variant
        Vendor, scenario and the like: what makes another study of the same seed.
    injected_after_h
        Time of day of the injection, hours.
    assigned_id
        PatientID where somebody must find the studies again to delete them; empty: one that follows from the seed.
    """

    seed: int
    variant: str
    injected_after_h: float = 9 + 20 / 60
    assigned_id: str = ""

    @property
    def patient_name(self) -> str:
        """Plainly not a person's."""
        return f"{self.assigned_id}^SYNTHETIC" if self.assigned_id else f"PHANTOM^SEED {self.seed}"

    @property
    def patient_id(self) -> str:
        """PatientID; the same in every variant of a seed."""
        return self.assigned_id or f"PHANTOM-{self.seed:04d}"

    @property
    def injected_at(self) -> datetime:
        """Start of injection, local time of the scanner."""
        # DICOM times of this study carry no zone, as a scanner's.
        day = FIRST_STUDY + timedelta(days=self.seed % 360)
        return datetime(day.year, day.month, day.day) + timedelta(hours=self.injected_after_h)  # noqa: DTZ001

    def at(self, after_injection_s: float) -> datetime:
        """Return the time of day at `after_injection_s`."""
        return self.injected_at + timedelta(seconds=after_injection_s)

    def uid(self, *parts: str) -> str:
        """Return a UID that depends on the seed, the variant and `parts` alone."""
        return derive_uid("phantom", str(self.seed), self.variant, *parts)
