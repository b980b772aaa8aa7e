"""Web: the pages' application, wired in `web.app` and nowhere else."""
