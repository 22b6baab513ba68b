"""The sections of node.toml, by subject."""
