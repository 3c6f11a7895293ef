"""`kubectl elb doctor`: what was seen of a load balancer goes in, what is wrong with it and the cure come out."""
