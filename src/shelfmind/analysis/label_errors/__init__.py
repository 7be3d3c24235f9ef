"""Suspicious labels, outliers, and confusable classes."""
