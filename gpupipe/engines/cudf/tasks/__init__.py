"""How engine `gpu` does tasks, a task a file."""
