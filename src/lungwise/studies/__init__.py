"""Studies: one visit's films of one patient, their readings and the doctors' opinions."""
