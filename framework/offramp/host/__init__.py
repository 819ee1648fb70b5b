"""The composition root: wires the packages to a running host, and reports its health."""
