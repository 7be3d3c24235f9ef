"""Run folders: what they hold, where they come from, which rules they keep, how they are calibrated."""
