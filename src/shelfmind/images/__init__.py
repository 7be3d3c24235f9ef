"""Image input: decoding, checking, conversion to squares, caching, and batching."""
