"""How the command shows the outcome of each verb."""
