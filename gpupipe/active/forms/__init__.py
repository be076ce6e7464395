"""Files of other tools, a form a module: what one has of an example, and the answers in one."""
