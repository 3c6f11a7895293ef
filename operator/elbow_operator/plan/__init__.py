"""From a LoadBalancer and the cluster's zones to the objects it needs: values in, values out."""
