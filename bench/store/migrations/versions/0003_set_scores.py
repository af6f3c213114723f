"""Scores of whole sets of edits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UNIQUE = ("testset_id", "protocol_id", "method_id", "metric_id", "split", "seed")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "set_score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("testset_id", sa.Integer(), nullable=False),
        sa.Column("protocol_id", sa.Integer(), nullable=False),
        sa.Column("method_id", sa.Integer(), nullable=False),
        sa.Column("metric_id", sa.Integer(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unscored", sa.String(), nullable=True),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("edits", sa.Integer(), nullable=False),
        sa.Column("groups", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["testset_id"], ["testset.id"], name=op.f("fk_set_score_testset_id")),
        sa.ForeignKeyConstraint(["protocol_id"], ["protocol.id"], name=op.f("fk_set_score_protocol_id")),
        sa.ForeignKeyConstraint(["method_id"], ["method.id"], name=op.f("fk_set_score_method_id")),
        sa.ForeignKeyConstraint(["metric_id"], ["metric.id"], name=op.f("fk_set_score_metric_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_set_score_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_score")),
        sa.UniqueConstraint(*_UNIQUE, name=op.f("uq_set_score_identity")),
    )
