"""HAProxy with the plainest configuration that balances, checks, and says where a request came from."""

from pathlib import Path

from elbow_dataplane.cli.place import find_haproxy

from bench.peer import HTTP, HTTPS, TARGETS, TCP, Peer, Place
from bench.program import Program

PROGRAM: Path = find_haproxy()
"""The same program Elbow drives."""

ADDRESS = "127.0.0.11"


def haproxy(place: Place) -> list[Peer]:
    """Start it."""
    file = place.write("haproxy.cfg", config(place))
    program = Program([PROGRAM, "-db", "-f", file], place.directory / "haproxy.log")
    return [Peer("HAProxy", ADDRESS, program, lambda: [program.pid])]


def config(place: Place) -> str:
    """What it runs."""
    servers = "\n".join(f"  server s{n} 127.0.0.1:{port}" for n, port in enumerate(TARGETS))
    return f"""global
  nbthread 1
  maxconn 6000
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
  http-reuse always
  default-server check inter 2s
frontend web
  bind {ADDRESS}:{HTTP}
  bind {ADDRESS}:{HTTPS} ssl crt {place.certificate.bundle} alpn h2,http/1.1
  default_backend targets
backend targets
  balance roundrobin
  option httpchk GET /health
  option forwardfor
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
{servers}
listen tcp
  mode tcp
  bind {ADDRESS}:{TCP}
  balance roundrobin
{servers}
"""
