"""The `bench` command. Every command imports what it needs when it is called, so that help is instant."""

from __future__ import annotations

import os

import typer

from bench.cli import compare, doctor, export, listing, meta_eval, report, results, run, score, store, votes, weights
from bench.cli.group import BenchGroup

app = typer.Typer(
    cls=BenchGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="ShopEdit-Bench: how well does a method make exactly the asked edit of a product clip?",
    epilog="Exit codes: 0 all well, 1 some cases failed, 2 a mistake to mend, 130 interrupted.",
)
app.command("run", epilog=run.EXAMPLES)(run.run)
app.add_typer(listing.list_app, name="list")
app.add_typer(listing.show_app, name="show")
app.command("compare", epilog=compare.EXAMPLES)(compare.compare)
app.add_typer(score.app, name="score")
app.command("meta-eval", epilog=meta_eval.EXAMPLES)(meta_eval.meta_eval)
app.command("export", epilog=export.EXAMPLES)(export.export)
app.command("doctor")(doctor.doctor)
app.add_typer(report.app, name="report")
app.add_typer(results.app, name="results")
app.add_typer(store.app, name="store")
app.add_typer(votes.app, name="votes")
app.add_typer(weights.app, name="weights")


def main() -> None:
    """Run the command line; the process ends with the exit code."""
    # Threads that spin while they wait make scoring more than ten times slower where others want the cores too. Read
    # when torch is loaded, so set before anything else.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app()
