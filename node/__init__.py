"""The service: it moves studies, and knows paths, UIDs, states and time."""
