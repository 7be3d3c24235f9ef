"""Tables of changes to a recipe: trained, compared, and said how sure."""
