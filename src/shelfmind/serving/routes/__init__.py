"""What the service answers, path by path."""
