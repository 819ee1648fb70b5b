"""The composition root: wires the rooms to a running host, and tells of its health."""
