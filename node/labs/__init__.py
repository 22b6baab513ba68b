"""Laboratory values on their way into the node."""
