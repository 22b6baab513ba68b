"""The network: receiving, sending, storage commitment."""
