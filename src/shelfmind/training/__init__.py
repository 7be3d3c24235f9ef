"""Training: what is built, one step, the schedule, the loop."""
