"""Orders: which films a clinic was asked to take, of whom, and what became of each request."""
