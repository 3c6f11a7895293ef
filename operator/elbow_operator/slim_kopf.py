"""kopf without the kubernetes package, which it loads for type names wherever it is installed: 9 MiB, and half a second of CPU."""

import sys

_hidden = "kubernetes" not in sys.modules
if _hidden:
    sys.modules["kubernetes"] = None  # type: ignore[assignment]  # as if it were not installed
try:
    import kopf
finally:
    if _hidden:
        del sys.modules["kubernetes"]

__all__ = ["kopf"]
