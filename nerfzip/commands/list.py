"""`nerfzip list`: methods with their rates, bases, data sets, launchers and presets of sweeps, one line each."""

from argparse import Namespace

from nerfzip import registry


def main(arguments: Namespace) -> int:
    for group in ("method", "method/base", "dataset"):
        for name in registry.names(group):
            line = f"{group}={name}  {registry.description(group, name)}".rstrip()
            print(f"{line}  {_rates(name)}".rstrip() if group == "method" else line)
    for name in registry.names("launcher"):
        print(f"hydra/launcher={name}  {registry.description('launcher', name)}".rstrip())
    for name in registry.names("preset"):
        print(f"+preset={name}  {registry.description('preset', name)}".rstrip())
    return 0


def _rates(method: str) -> str:
    default = registry.default_rate(method)
    rates = [f"{rate} (default)" if rate == default else rate for rate in registry.rate_names(method)]
    return f"[rate={', '.join(rates)}]" if rates else ""
