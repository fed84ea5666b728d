"""From stored rows to what goes into a paper: BD-rates, tables, curves, bars."""
