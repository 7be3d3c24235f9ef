"""Copies of one photo: close fingerprints, aligned and grouped."""
