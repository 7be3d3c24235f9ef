"""What each verb takes: one frozen model a verb, from which the command, the Python function and the record come."""
