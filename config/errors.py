"""The root of every error that the product raises on purpose."""


class NodeError(Exception):
    """Base of every deliberate error; its message names what to do and holds no patient data."""


class ConfigError(NodeError):
    """Stops the start; one message lists every wrong key.

    Parameters
    ----------
    problems
        One sentence for each wrong or unknown key.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))
