"""UploadHandler: files from forms, kept in a folder with what is known of them."""
