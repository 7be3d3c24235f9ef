"""What to do next: which recipe suits a data set, when random weights are hopeless, what comes after a verb."""
