"""Reports: a study on paper, a worklist as a table, a clinic in numbers."""
