"""The operator: plan < status < kube < reconcile < main, each importing only what stands before it."""
