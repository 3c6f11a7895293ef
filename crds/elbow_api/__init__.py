"""The contracts: what a user writes, what a proxy is told, and what it reports. Models, rules over them, and the names all parts share."""
