"""What was: a value is brought back, what a job changed is undone, and what is old enough is forgotten."""
