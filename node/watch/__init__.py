"""What whoever looks after the node can ask it: metrics, liveness, readiness."""
