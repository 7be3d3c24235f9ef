"""The complete procedure of each verb: calls the layers below and writes results and reports."""
