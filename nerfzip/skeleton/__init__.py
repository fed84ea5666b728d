"""The files that `nerfzip new-method` copies, with the word "skeleton" replaced by the name of the method."""
