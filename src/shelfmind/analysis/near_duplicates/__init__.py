"""Near-duplicate detection: close fingerprints, aligned and grouped."""
