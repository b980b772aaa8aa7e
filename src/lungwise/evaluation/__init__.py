"""Evaluation: labelled films and a reader in, numbers with their intervals out."""
