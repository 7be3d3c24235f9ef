"""Builds a clean data set from a data set, the reviewers' decisions and rules, as a recorded, repeatable step."""
