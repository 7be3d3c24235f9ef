"""Self-contained pages for people: charts, pictures, templates, and what they say in each language."""
