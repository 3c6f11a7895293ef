"""The console: load balancers, their pictures and their metrics on a local page, by the user's own kubeconfig."""
