"""Ablation tables: changes to a recipe, trained and compared with statistical tests."""
