"""A cluster in simulated time around the real choosing, sharing, admitting and retrying code."""
