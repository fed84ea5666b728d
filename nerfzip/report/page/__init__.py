"""One self-contained, interactive HTML page: curves, pictures, tables. `page` assembles it."""
