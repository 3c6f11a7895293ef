"""Elbow measured side by side with what one would run instead. `scripts/bench` starts it."""
