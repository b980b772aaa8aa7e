"""Moving: a clinic goes from one installation to another with everything that it has."""
