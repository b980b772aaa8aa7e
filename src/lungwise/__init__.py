"""Lungwise reads chest X-ray films. Research and decision support; no medical device."""

__version__ = "0.1.0"
