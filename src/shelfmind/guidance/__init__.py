"""Recommendations: a recipe for a data set, initial weights for few photos, and the next step after a verb."""
