"""A trained run as a function of images: predictor, views, kept predictions, outputs."""
