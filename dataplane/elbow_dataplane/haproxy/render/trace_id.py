"""The id a request is given where it brings none (ELB section 6.4)."""

import hashlib

from elbow_dataplane.haproxy.engine import Engine


def trace_id(engine: Engine) -> str:
    """A time and 24 hexadecimal digits (ELB section 6.4): 16 that tell this proxy from others, 8 of the request's number."""
    digest = hashlib.sha256(f"trace id of {engine.identity}".encode()).hexdigest()
    number = f"txn.id32,xxh32({int(digest[16:23], 16)}),htonl,hex,lower"
    return f"1-%[date,htonl,hex,lower]-{digest[:16]}%[{number}]"
