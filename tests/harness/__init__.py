"""What tests need around the real thing: targets, clients, load, certificates, and a running Elbow."""
