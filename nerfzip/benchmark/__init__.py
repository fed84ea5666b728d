"""A job: from a scene and a method's settings to a file that was decoded again and measured."""
