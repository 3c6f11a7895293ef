"""The contracts: what a user writes, what a proxy is told, and what it reports. Models and nothing else."""
