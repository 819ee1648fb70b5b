"""JavaScript's semantics of values: Segment's engine is JavaScript, and results must be equal."""
