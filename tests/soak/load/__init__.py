"""The clients: a process in a pod's network, told what to do by a line of JSON, which counts every request."""
