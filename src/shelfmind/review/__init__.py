"""A local web page for the review of suspected images."""
