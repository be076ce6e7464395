"""Ways of doing tasks that the engines of the host share, a task a file."""
