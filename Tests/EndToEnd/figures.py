# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""Measures how issuers are followed, tokens refreshed and made, under load.

`scripts/figures` runs it.
"""

import argparse
import dataclasses
import json
import pathlib
import sys
import tempfile

import figures_authority
import figures_client
import figures_verifier

PARTS = {
    "kids": figures_verifier.unknown_kids, "rotation": figures_verifier.rotation,
    "outage": figures_verifier.outage, "client": figures_client.client,
    "exchange": figures_authority.exchange, "crashes": figures_authority.crashes,
}


def main():
    parser = argparse.ArgumentParser(prog="scripts/figures", add_help=False,
                                     usage="scripts/figures --help says how")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--seconds", type=whole)
    parser.add_argument("--output", choices=["text", "json"], default="text")
    options = parser.parse_args()
    wanted = [options.parts] if isinstance(options.parts, str) else options.parts
    missed = 0
    if options.output == "text":
        print(f"  {'figure':<48} {'asked':<34} measured")
    for name, measure in PARTS.items():
        if name not in wanted and "all" not in wanted:
            continue
        print(f"==> {measure.__doc__.splitlines()[0]}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="tokenward-figures-") as folder:
            for figure in measure(pathlib.Path(folder), options.seconds):
                missed += not figure.reached
                show(figure, options.output)
    if options.output == "text":
        print("every figure is reached" if missed == 0 else f"{missed} figures are missed")
    return 1 if missed else 0


def whole(text):
    if not 1 <= int(text) <= 3_600:
        raise ValueError(text)
    return int(text)


def show(figure, output):
    if output == "json":
        line = json.dumps(dataclasses.asdict(figure), ensure_ascii=False)
    else:
        mark = " " if figure.asked is None else "✓" if figure.reached else "✗"
        line = f"{mark} {figure.name:<48} {figure.asked or '':<34} {figure.text}"
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
