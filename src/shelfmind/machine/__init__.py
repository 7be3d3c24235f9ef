"""Machine support: device, cores, background threads, and diagnostics."""
