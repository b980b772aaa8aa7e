"""Lungwise reads chest X-ray films. Research and decision support; not a medical device."""

__version__ = "1.0.0"
