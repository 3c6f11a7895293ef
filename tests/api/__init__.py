"""What the resource takes, and what it says to the rest."""
