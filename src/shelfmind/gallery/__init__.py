"""Products recognised by enrolled photos instead of training: photos, embeddings, change history and search."""
