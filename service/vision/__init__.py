"""Turn the bytes of an image file, however it was made, into what the model reads."""
