"""A procedural renderer of retail packages: a data set that needs no download and whose truth is known."""
