"""What JavaScript does with values: Segment's engine runs on it, and results must be alike."""
