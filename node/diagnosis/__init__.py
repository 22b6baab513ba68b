"""Every dependency of the node examined, each with what to do where it fails."""
