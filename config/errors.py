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


class WrongKeyError(LookupError):
    """A key was asked for whose value is wrong, where the right ones are looked at all the same.

    No `NodeError`: what needs the key has not failed, it could not be looked at.
    """
