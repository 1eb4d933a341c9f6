"""Draws the Vega-Lite document of standard input to standard output: `python draw.py svg|png`. Nothing is fetched for it."""

import sys

import vl_convert


def main() -> None:
    """Run by include/view/charts.py, in a process of its own."""
    text, form = sys.stdin.read(), sys.argv[1]
    if form == "svg":
        sys.stdout.buffer.write(vl_convert.vegalite_to_svg(text, allowed_base_urls=[]).encode())
    else:
        sys.stdout.buffer.write(vl_convert.vegalite_to_png(text, scale=2, allowed_base_urls=[]))


if __name__ == "__main__":
    main()
