"""The local stack: all of Quintet on one machine, started in order and stopped in reverse."""
