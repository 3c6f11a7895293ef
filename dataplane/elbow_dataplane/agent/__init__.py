"""The loop that keeps HAProxy equal to what is wanted."""
