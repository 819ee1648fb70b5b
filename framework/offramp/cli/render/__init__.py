"""What a person reads at a terminal: tables, the record of an event, explanations."""
