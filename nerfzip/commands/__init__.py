"""The subcommands of `nerfzip`: one file each, with `main(arguments) -> exit status`, imported when called."""
