"""A procedural renderer of retail packages: synthetic data sets with known ground truth, without downloads."""
