"""What a verb does from beginning to end: it asks the rooms below and writes figures and pages."""
