"""DriveHandler: a folder of files, and a table of what is known of them."""
