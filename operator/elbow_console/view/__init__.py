"""From the cluster's objects and the proxies' metrics to what the page shows: values in, values out."""
