"""Submissions with their audit log, and human evaluation."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REFUSED = "the audit log is append-only"


def upgrade() -> None:
    """Make the tables of `bench.store.submission_rows` and `bench.store.vote_rows`, and seal the audit log."""
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("testset_digest", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("methods", sa.JSON(), nullable=False),
        sa.Column("cases", sa.JSON(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("name", name=op.f("uq_study_name")),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("changed", sa.String(), nullable=False),
        sa.Column("deadline", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("testset_ref", sa.String(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("clips", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("testset", sa.String(), nullable=True),
        sa.Column("row_name", sa.String(), nullable=True),
        sa.Column("method_key", sa.String(), nullable=True),
        sa.Column("manifest", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("charged", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("provenance", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
    )
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_deadline"), ["deadline"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_digest"), ["digest"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_method_key"), ["method_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_owner"), ["owner"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_row_name"), ["row_name"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_team"), ["team"], unique=False)

    op.create_table(
        "voter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("pseudonym", sa.String(), nullable=False),
        sa.Column("joined", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voter")),
        sa.UniqueConstraint("account", name=op.f("uq_voter_account")),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_voter_pseudonym")),
    )
    op.create_table(
        "ballot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("voter_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("low", sa.String(), nullable=False),
        sa.Column("high", sa.String(), nullable=False),
        sa.Column("swapped", sa.Boolean(), nullable=False),
        sa.Column("catch_axis", sa.String(), nullable=True),
        sa.Column("catch_answer", sa.Integer(), nullable=True),
        sa.Column("issued", sa.String(), nullable=False),
        sa.Column("answered", sa.String(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("edit_done", sa.Integer(), nullable=True),
        sa.Column("rest_kept", sa.Integer(), nullable=True),
        sa.Column("looks_real", sa.Integer(), nullable=True),
        sa.Column("overall", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_ballot_study_id")),
        sa.ForeignKeyConstraint(["voter_id"], ["voter.id"], name=op.f("fk_ballot_voter_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ballot")),
        sa.UniqueConstraint(
            "study_id", "voter_id", "case_id", "low", "high", name=op.f("uq_ballot_study_id_voter_id_case_id_low_high")
        ),
        sa.UniqueConstraint("token", name=op.f("uq_ballot_token")),
    )
    with op.batch_alter_table("ballot", schema=None) as batch_op:
        batch_op.create_index("ix_ballot_pair", ["study_id", "low", "high", "case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ballot_voter_id"), ["voter_id"], unique=False)

    op.create_table(
        "rating",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("voter_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("issued", sa.String(), nullable=False),
        sa.Column("answered", sa.String(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("edit_done", sa.Integer(), nullable=True),
        sa.Column("rest_kept", sa.Integer(), nullable=True),
        sa.Column("looks_real", sa.Integer(), nullable=True),
        sa.Column("overall", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_rating_study_id")),
        sa.ForeignKeyConstraint(["voter_id"], ["voter.id"], name=op.f("fk_rating_voter_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating")),
        sa.UniqueConstraint(
            "study_id", "voter_id", "case_id", "method", name=op.f("uq_rating_study_id_voter_id_case_id_method")
        ),
        sa.UniqueConstraint("token", name=op.f("uq_rating_token")),
    )
    with op.batch_alter_table("rating", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rating_voter_id"), ["voter_id"], unique=False)

    op.create_table(
        "submission_clip",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("blob", sa.String(), nullable=False),
        sa.Column("thumbs", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_submission_clip_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_clip")),
        sa.UniqueConstraint("submission_id", "case_id", name=op.f("uq_submission_clip_submission_id_case_id")),
    )
    with op.batch_alter_table("submission_clip", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_clip_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_clip_sha256"), ["sha256"], unique=False)

    op.create_table(
        "submission_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_submission_event_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_event")),
        sa.UniqueConstraint("hash", name=op.f("uq_submission_event_hash")),
    )
    with op.batch_alter_table("submission_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_event_submission_id"), ["submission_id"], unique=False)
    for statement in _seal(op.get_bind().dialect.name):
        op.execute(statement)


def _seal(dialect: str) -> tuple[str, ...]:
    """Return the statements that make the database itself refuse to change or delete a line of the log."""
    table = "submission_event"
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            for verb in ("UPDATE", "DELETE")
        )
    if dialect == "postgresql":
        body = f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
        events = f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        return (
            f"CREATE FUNCTION {table}_sealed() RETURNS trigger LANGUAGE plpgsql AS {body}",
            f"CREATE TRIGGER {table}_sealed {events} FOR EACH STATEMENT EXECUTE FUNCTION {table}_sealed()",
        )
    return ()
