"""From a field to pixels: whole images in chunks, and cameras to look from."""
