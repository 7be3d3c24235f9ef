"""What the images of a data set have in common and where they differ: sizes, quality, shift, issues."""
