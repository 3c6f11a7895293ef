"""`elbow demo`: six small targets in three zones, a load balancer over them, clients, and a live screen."""
