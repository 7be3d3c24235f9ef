"""Inference with a trained run: predictor, test-time views, cached predictions, outputs."""
