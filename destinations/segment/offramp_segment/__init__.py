"""Segment's published destinations as destinations of Offramp; a Node.js worker runs them."""
