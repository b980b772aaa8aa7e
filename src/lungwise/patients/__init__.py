"""Patients: whose films they are."""
