"""The wanted state of one proxy: values and functions of values."""
