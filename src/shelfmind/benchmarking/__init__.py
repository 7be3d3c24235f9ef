"""`benchmark`: how fast this machine predicts and trains with a run, measured as its users would meet it."""
