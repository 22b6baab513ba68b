"""Why training stops."""

from config.errors import NodeError


class TrainingError(NodeError):
    """Training cannot start or go on; the message says why and what to do."""
