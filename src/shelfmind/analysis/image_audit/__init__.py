"""Properties of the images of a data set: sizes, quality, distribution shift, issues."""
