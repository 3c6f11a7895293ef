"""The API server, for the operator and for proxies: plain documents, server-side apply, lists that stay current."""
