"""Runs as single files that engines other than MindSpore answer from."""
