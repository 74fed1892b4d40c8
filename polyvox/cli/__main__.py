"""`polyvox …`: finds the command and loads only its file."""

from __future__ import annotations

import importlib
import sys

import click
from click.shell_completion import CompletionItem

from polyvox import __version__
from polyvox.cli.interruption import Interrupted
from polyvox.errors import PolyvoxError

COMMANDS = {
    "up": "Run all services on this machine, on one port.",
    "run": "Run some services in this process, as containers do.",
    "transcribe": "Turn recordings into transcripts.",
    "upload": "Send many recordings to a server, without sending any twice.",
    "wait": "Wait until recordings are transcribed.",
    "watch": "Print what is said in a recording as it is written down.",
    "list": "List the recordings that a server has.",
    "export": "Write transcripts that a server has, as subtitles, tables and more.",
    "correct": "Put right what a transcript says and who says it.",
    "search": "Show where something was said.",
    "speakers": "Enrol people by their voices, show who is enrolled, and forget them.",
    "delete": "Remove recordings and everything made from them.",
    "webhooks": "Tell other programs how recordings end.",
    "weights": "Pull, list and verify model weights.",
    "buckets": "Make the object store's buckets and have it tell of new objects.",
    "top": "Show what a running server is up to, live.",
    "plan": "Say what it takes to transcribe so many hours a day.",
    "trace": "Show what a recording's time went to, as a timeline.",
    "topics": "Show what flows through the log, and how far behind each consumer is.",
    "replay": "Run a stage again over recordings that have a result.",
    "audit": "Show who uploaded, read, changed and deleted what.",
    "keys": "Make, list and revoke keys: who may use a server.",
    "dlq": "Show what was given up on, and give it another chance.",
    "retention": "Show what goes when because of its age, and what went.",
    "completion": "Make a shell complete this command's words.",
    "doctor": "Say what is missing on this machine and how to get it.",
    "demo": "Transcribe a recording of two people that ships with pyannote.audio.",
}
INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of SIGINT, as shells count."""


class _Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"polyvox.cli.{cmd_name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"polyvox.cli.{cmd_name}.command is not a command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Without importing every command to ask it for its help."""
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Who said what, when: transcripts with speakers from any recording."""


def main() -> None:
    sys.exit(_run())


def _run() -> int:
    """The exit status; what went wrong is said in one line on standard error."""
    try:
        # Help and --version come back as a status of their own.
        status = cli(prog_name="polyvox", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("polyvox: interrupted", err=True)
        return INTERRUPTED
    except Interrupted as interruption:
        click.echo("polyvox: interrupted", err=True)
        return interruption.status
    except PolyvoxError as error:
        click.echo(f"polyvox: {error}", err=True)
        return 1
    except OSError as error:
        click.echo(f"polyvox: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        return 1
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    main()
