"""The request of each verb: a frozen model that defines the command line, the Python function and the record."""
