"""`polyvox completion`: what makes a shell complete this command's words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from polyvox.errors import Invalid

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_POLYVOX_COMPLETE"
"""Under which the script asks the command itself for words."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print what completes commands, options and their values in SHELL.

    \b
    bash: polyvox completion bash > ~/.local/share/bash-completion/completions/polyvox
    zsh:  polyvox completion zsh > "${fpath[1]}/_polyvox"
    fish: polyvox completion fish > ~/.config/fish/completions/polyvox.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise Invalid(f"click knows no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "polyvox", VARIABLE).source())
