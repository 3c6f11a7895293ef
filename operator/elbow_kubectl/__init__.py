"""kubectl elb: load balancers as their users see and steer them, by the user's own kubeconfig."""
