"""Objects of `s3://` and other stores, read through a cache on this machine."""
