"""`benchmark`: measures a run's prediction and training speed on this machine, as users experience it."""
