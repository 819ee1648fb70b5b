"""The engines and the limits that Offramp is measured beside, each in a process of its own."""
