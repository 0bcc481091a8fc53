"""ProcessHandler: what a program prints, as it prints it."""
