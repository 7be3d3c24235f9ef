"""Makes a clean data set from a data set, the decisions on it and rules: a recorded, repeatable step."""
