"""Operators for networks: MindSpore's, or channels-last oneDNN operators that train faster on CPUs."""
