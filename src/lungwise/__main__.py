"""`python -m lungwise`."""

from lungwise.cli import main

main(prog_name="lungwise")
