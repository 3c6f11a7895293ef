"""Nothing is ever dropped, put to the test: mixed clients on the three-zone cluster while something is done to it."""
