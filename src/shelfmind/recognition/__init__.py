"""Recognition of trained and enrolled products together: fused scores, unknown objects, families, all fitted."""
