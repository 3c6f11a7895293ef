"""From the wanted state to HAProxy's configuration text, pure. `config.render` is the way in."""
