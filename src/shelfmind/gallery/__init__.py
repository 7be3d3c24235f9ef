"""Products that were enrolled, not trained: their photos and embeddings, every change of them, and the search."""
