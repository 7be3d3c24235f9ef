"""The HTTP service: recognition in dynamic batches, the gallery, keys, metrics."""
