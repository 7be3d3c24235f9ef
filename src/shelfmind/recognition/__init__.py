"""Trained and enrolled products in one answer: fused scores, unknown objects, families; fitted, never by hand."""
