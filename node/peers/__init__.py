"""The peers of the settings: clients, what each takes, and how the last contact ended."""
