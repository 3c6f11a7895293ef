"""From what proxies and the cluster report to a load balancer's status: values in, values out."""
