"""What to do next: which recipe suits a data set, when random weights are a bad start, what comes after a verb."""
