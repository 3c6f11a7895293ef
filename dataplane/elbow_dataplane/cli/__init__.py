"""The elbow command."""
