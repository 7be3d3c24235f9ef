"""Training: construction, training step, schedule, and loop."""
