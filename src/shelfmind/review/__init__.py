"""A local page in the browser where people decide on suspected images."""
