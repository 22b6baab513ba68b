"""How long each stage takes."""

from collections.abc import Callable


class Stopwatch:
    """Measures the stages and tells who wants to know.

    Parameters
    ----------
    clock
        Monotonic, s.
    progress
        Told the name of each stage as it begins.
    """

    def __init__(self, clock: Callable[[], float], progress: Callable[[str], None] | None) -> None:
        self._clock = clock
        self._progress = progress
        self._begun: list[tuple[str, float]] = []

    def begin(self, name: str) -> None:
        """Begin a stage, and with that end the one before."""
        self._begun.append((name, self._clock()))
        if self._progress is not None:
            self._progress(name)

    def end(self) -> dict[str, float]:
        """Return the seconds of the stages that ran."""
        times = [started for _, started in self._begun] + [self._clock()]
        return {name: times[n + 1] - times[n] for n, (name, _) in enumerate(self._begun)}
