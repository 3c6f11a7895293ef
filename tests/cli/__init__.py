"""The elbow command as its user sees it: what it prints, and its exit codes."""
