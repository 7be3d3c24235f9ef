"""Which labels are probably wrong, which images fit no class, which classes are confused."""
