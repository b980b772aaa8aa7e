"""The REST API: studies, readings, opinions and reports for programs that hold a token."""
