"""How the command shows what a verb came to."""
