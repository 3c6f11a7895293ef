"""A Kubernetes cluster of four nodes in three zones on one Linux machine, made of namespaces."""
