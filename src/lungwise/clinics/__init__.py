"""Clinics: what they are called, where they stand, and how they want it."""
