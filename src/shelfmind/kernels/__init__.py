"""Operators that networks are built of: MindSpore's own, or channels-last ones on oneDNN that train faster on CPUs."""
