"""nginx as a balancer over the same targets: no active checks, which the open one doesn't have."""

from bench.peer import HTTP, HTTPS, TARGETS, TCP, Peer, Place
from bench.program import Program, descendants

_ADDRESS = "127.0.0.12"


def nginx(place: Place) -> list[Peer]:
    """Start it."""
    file = place.write("nginx.conf", _config(place))
    program = Program(["nginx", "-c", file, "-e", "stderr"], place.directory / "nginx.log")
    # The first process only minds the worker.
    return [Peer("nginx", _ADDRESS, program, lambda: descendants(program.pid)[1:])]


def _config(place: Place) -> str:
    servers = " ".join(f"server 127.0.0.1:{port};" for port in TARGETS)
    certificate = place.certificate
    return f"""daemon off;
user root;
worker_processes 1;
pid {place.directory}/nginx.pid;
include /etc/nginx/modules-enabled/*stream*.conf;
events {{ worker_connections 9000; }}
http {{
  access_log off;
  keepalive_timeout 300s;
  keepalive_requests 100000000;
  proxy_max_temp_file_size 0;
  upstream targets {{ {servers} keepalive 256; keepalive_requests 100000000; keepalive_timeout 300s; }}
  server {{
    listen {_ADDRESS}:{HTTP} backlog=4096;
    listen {_ADDRESS}:{HTTPS} ssl http2 backlog=4096;
    ssl_certificate {certificate.chain};
    ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      proxy_pass http://targets;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
stream {{
  upstream targets {{ {servers} }}
  server {{ listen {_ADDRESS}:{TCP} backlog=4096; proxy_pass targets; }}
}}
"""
