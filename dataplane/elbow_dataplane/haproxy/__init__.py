"""What the model means to HAProxy: config text, runtime commands, and what its sockets answer."""
