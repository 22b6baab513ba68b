"""Messages to people: what waits for somebody, by e-mail and webhook, once an event and without patient data."""
