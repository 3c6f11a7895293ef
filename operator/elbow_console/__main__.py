"""`python -m elbow_console` is `kubectl elb console`."""

from elbow_console.main import console

console()
