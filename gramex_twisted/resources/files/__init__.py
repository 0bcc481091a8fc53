"""The parts of FileHandler: from a URL's path to a file, and from a file to an answer."""
