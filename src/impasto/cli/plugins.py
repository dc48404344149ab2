"""`impasto plugins`: install plug-ins into other programs."""

from __future__ import annotations

from pathlib import Path

import click

from impasto.cli import options
from impasto.cli.command import Group, argument, option
from impasto.cli.console import note, print_json, print_table
from impasto.errors import ImpastoError
from impasto.plugins import install as installing
from impasto.plugins.hosts import HOSTS
from impasto.version import __version__

host_argument = argument("host", f"One of {', '.join(HOSTS)}.", type=click.Choice(list(HOSTS)))
folder = option("--folder", type=options.PATH, help="Plug-in folder of the program; default: its usual folder.")

EXAMPLES = """
impasto plugins
impasto plugins install krita
impasto plugins install comfyui --folder ~/ComfyUI/custom_nodes
impasto plugins install gimp --print-path
impasto plugins remove krita
"""


@click.group(cls=Group, invoke_without_command=True, examples=EXAMPLES)
@click.pass_context
def plugins(context: click.Context) -> None:
    """Install Impasto into Krita, GIMP, Blender, ComfyUI and darktable.

    Without a verb, list all plug-ins and whether they are installed. Lightroom, RawTherapee and digiKam need no
    plug-in: enter impasto edit as their external editor.
    """
    if not context.invoked_subcommand:
        context.invoke(every)


@plugins.command("list")
@options.json
def every(json: bool = False) -> None:
    """List all plug-ins, their folders, and whether they are installed."""
    rows = []
    for name, host in HOSTS.items():
        try:
            there = installing.found(host)
            rows.append((name, there.version, str(there.folder)))
        except ImpastoError:
            rows.append((name, "", ""))
    if json:
        for name, version, place in rows:
            print_json({"name": name, "installed": version or None, "current": version == __version__, "folder": place})
    else:
        print_table(["name", "installed", "folder"], ((name, _state(version), place) for name, version, place in rows))


@plugins.command()
@host_argument
@folder
@option("--overwrite", is_flag=True, help="Replace another version, and existing files.")
@option("--print-path", is_flag=True, help="Only print the path of the installation.")
@options.quiet
def install(host: str, folder: Path | None, overwrite: bool, print_path: bool, quiet: bool) -> None:
    """Install the plug-in for a program. Existing files stay."""
    chosen = HOSTS[host]
    if print_path:
        print(installing.found(chosen, folder).folder / chosen.parts[0])
        return
    there = installing.install(chosen, folder, overwrite=overwrite)
    if not quiet:
        print(f"{there.folder / chosen.parts[0]}  {there.version}")
        note(chosen.next)


@plugins.command()
@host_argument
@folder
@options.quiet
def remove(host: str, folder: Path | None, quiet: bool) -> None:
    """Remove the plug-in for a program. Files that you have changed stay."""
    for path in installing.remove(HOSTS[host], folder):
        note(f"{path} stays, since you have changed it")
    if not quiet:
        print(f"{host} removed")


def _state(version: str) -> str:
    if version and version != __version__:
        return f"{version}, but Impasto is {__version__}: install again with --overwrite"
    return version or "no"
