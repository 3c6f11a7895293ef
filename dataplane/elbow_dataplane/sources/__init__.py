"""Where the wanted state comes from."""
