"""Renders output for a terminal: tables, the record of an event, explanations."""
