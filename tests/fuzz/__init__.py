"""Whatever a user writes is refused by name, or means what it says."""
