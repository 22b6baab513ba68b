"""Why an evaluation stops, or a figure is not shown."""

from config.errors import NodeError


class EvaluationError(NodeError):
    """An evaluation cannot start, or a figure must not be shown.

    Parameters
    ----------
    code
        Stable: ``EV-SEEN``, ``EV-FEW``, ``EV-TWICE``, ``EV-NONE``, ``EV-COLUMN``.
    message
        One sentence that says what to do, without patient data.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process boundaries.
        return (type(self), (self.code, self.message))
