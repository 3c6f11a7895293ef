"""The operator: plan < status < reconcile < main, each importing only what stands before it."""
