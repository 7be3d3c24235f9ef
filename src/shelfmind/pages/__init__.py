"""Self-contained HTML reports: charts, pictures, templates, and texts in English and Chinese."""
