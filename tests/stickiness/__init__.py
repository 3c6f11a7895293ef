"""Stickiness: what ties clients to targets (ELB section 4)."""
