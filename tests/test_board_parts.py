"""What the board's pages are made of: columns, rows, ranks, numbers, playable clips, files to download, words."""

from __future__ import annotations

import csv
import io
import json
import string
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from scipy.stats import ttest_rel

import leaderboard
from bench import league, stats
from bench.home import Home, open_home
from bench.media import probe, read_video
from bench.plan import RunSpec
from bench.preference import Vote, rate
from bench.run import prepare, run
from bench.store import columns as columns_module
from bench.store.access import open_reader
from bench.store.read import Board, Result
from bench.types import Asset, EditCase, Instruction, MethodCard, MetricCard, SetScore
from leaderboard import case_view, numbers, pick, query, ranking_files, ranking_table, source, study_view
from leaderboard.clips import ClipShelf
from leaderboard.text import EN, ZH
from tests.board_store import fill


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    return fill(tmp_path_factory.mktemp("board"), toyset)


@pytest.fixture
def home(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(filled))
    return filled


@pytest.fixture
def board(home: Path) -> Board:
    return open_reader(Home(home), None).boards()[0]


@pytest.fixture
def results(home: Path) -> tuple[Result, ...]:
    reader = open_reader(Home(home), None)
    return reader.results(reader.boards()[0])


@pytest.fixture
def shown(home: Path, board: Board) -> query.View:
    return query.view(source.open_source().columns(board), "smoke")


def test_the_elements_build_pages_without_markup_from_data() -> None:
    for script in (Path(leaderboard.__file__).parent / "components").glob("*.js"):
        text = script.read_text(encoding="utf-8")
        for forbidden in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "http://www.g",
        ):
            assert forbidden not in text, script.name
    for module in Path(leaderboard.__file__).parent.rglob("*.py"):
        assert "unsafe_allow_html" not in module.read_text(encoding="utf-8"), module.name


def test_browser_clips_keep_every_pixel_of_a_small_edit(results: tuple[Result, ...], home: Path) -> None:
    reader = open_reader(Home(home), None)
    shelf = ClipShelf(Home(home), reader.runs())
    result = next(r for r in results if r.method.name == "truth")
    clip = shelf.edit(result)
    assert clip.data
    path = home / "copy.mp4"
    path.write_bytes(clip.data)
    assert probe(path).pix_fmt == "yuv420p"
    shown = read_video(path).frames[:, ::2, ::2]
    stored = read_video(home / "blobs" / str(result.sha256)[:2] / str(result.sha256)).frames
    assert np.abs(shown.astype(int) - stored).mean() < 2.5
    assert shelf.edit(result).data == clip.data


def test_an_altered_test_set_file_is_not_shown_as_the_source(
    results: tuple[Result, ...], home: Path, toyset: Path, tmp_path: Path
) -> None:
    case = results[0].case.model_copy(update={"source": results[0].case.source.model_copy(update={"sha256": "0" * 64})})
    clip = ClipShelf(Home(tmp_path), open_reader(Home(home), None).runs()).asset(case, "source")
    assert clip.data is None
    assert "altered" in str(clip.reason)


def test_boards_of_other_protocols_have_other_addresses(home: Path) -> None:
    board = open_reader(Home(home), None).boards()[0]
    others = {
        source.board_id(b) for b in (board, replace(board, signature="toy:2"), replace(board, testset_digest="x"))
    }
    assert len(others) == 3


def test_rank_sets_tell_apart_only_what_a_paired_test_does(shown: query.View) -> None:
    ranked = {s.card.name: s.ranks for s in query.standings(shown)}
    assert ranked["blend"] == ranked["fails-once"] == (1, 2)  # one failed case of seven decides nothing
    assert ranked["still"] == (1, 1)
    assert ranked["truth"] is ranked["masked"] is None


def test_a_ranking_by_a_lower_is_better_metric_puts_the_least_first(shown: query.View) -> None:
    standings = query.standings(shown, "mae-target", higher=False)
    values = [s.mean for s in standings.tracks["first-frame"]]
    assert values == sorted(values)


def test_the_columns_hold_what_the_rows_do(shown: query.View, results: tuple[Result, ...]) -> None:
    columns = shown.columns
    for result in results:
        row = columns.row(result.method.name)
        at = [c.id for c in columns.cases].index(result.case.id)
        assert columns.edits[row, at] == 1
        assert bool(columns.failed[row, at]) is not result.ok
        for name, score in result.scores.items():
            value = columns.values[name][row, at] if name in columns.values else np.nan
            assert np.isnan(value) if score.value is None else value == pytest.approx(score.value, rel=1e-6)
    assert np.isnan(columns.values["score"]).sum() == columns.edits.size - columns.edits.sum()


def test_columns_are_read_anew_for_what_has_grown_and_no_more(
    toy: Path, toyset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = RunSpec(("blend",), "smoke", str(toyset), "toy", limit=2)
    run(prepare(spec, open_home()))
    home = open_home()
    reader = open_reader(home, None)
    board = reader.boards()[0]
    first = columns_module.load(reader.engine, board, tmp_path)
    read: list[list[int]] = []
    measure = columns_module._measure
    monkeypatch.setattr(
        columns_module,
        "_measure",
        lambda s, t, p, methods, cases: read.append(methods) or measure(s, t, p, methods, cases),
    )
    again = columns_module.load(reader.engine, board, tmp_path)
    assert read == []
    assert [c.name for c in again.methods] == [c.name for c in first.methods]
    np.testing.assert_array_equal(again.values["score"], first.values["score"])
    run(prepare(replace(spec, methods=("still",), controls=False), open_home()))
    later = columns_module.load(reader.engine, board, tmp_path)
    assert [len(methods) for methods in read] == [1]
    assert {c.name for c in later.methods} == {c.name for c in first.methods} | {"still"}
    next(tmp_path.glob("*.safetensors")).write_bytes(b"damaged")
    np.testing.assert_array_equal(
        columns_module.load(reader.engine, board, tmp_path).values["score"], later.values["score"]
    )


def test_many_intervals_and_ranks_are_those_of_one_method_at_a_time() -> None:
    rng = np.random.default_rng(5)
    groups, strata = [f"clip{i // 4}" for i in range(80)], [f"s{i % 7}" for i in range(80)]
    values = rng.normal(50, 4, (80,)) + rng.normal(0, 6, (7, 80)) + 3 * np.arange(7)[:, None]
    values[2, :9] = np.nan
    found = league.intervals(values, groups, strata)
    for row, mine in zip(values, found, strict=True):
        keep = np.isfinite(row)
        alone = stats.interval(row[keep].tolist(), np.array(groups)[keep], np.array(strata)[keep].tolist())
        assert mine is not None
        assert (mine.n, mine.groups) == (alone.n, alone.groups)
        assert (mine.mean, mine.low, mine.high) == pytest.approx((alone.mean, alone.low, alone.high), rel=1e-6)
    whole = np.delete(values, 2, 0)
    alone_sets = stats.rank_sets({str(i): row.tolist() for i, row in enumerate(whole)}, groups, strata)
    flips = league.rank_sets(whole, groups, strata)
    assert flips == list(alone_sets.values())
    assert len(set(flips)) > 2


def test_above_a_few_methods_the_t_test_takes_over_and_still_tells_them_apart() -> None:
    rng = np.random.default_rng(6)
    groups, strata = [f"clip{i // 4}" for i in range(200)], ["s"] * 200
    values = rng.normal(0, 1, (40, 200)) + np.arange(40)[:, None]
    ranks = league.rank_sets(values, groups, strata)
    assert ranks[0] == (40, 40)
    assert ranks[-1] == (1, 1)
    equal = league.rank_sets(np.repeat(values[:1], 30, 0), groups, strata)
    assert set(equal) == {(1, 30)}


def test_the_t_tests_that_are_not_worked_out_change_no_rank() -> None:
    rng = np.random.default_rng(7)
    values = rng.normal(0, 1, (60, 120)) + 0.02 * np.arange(60)[:, None]
    found = league.rank_sets(values, [f"clip{i // 4}" for i in range(120)], ["s"] * 120)
    clips = values.reshape(60, 30, 4).mean(2)
    pairs = [(a, b, ttest_rel(clips[a], clips[b]).pvalue) for a in range(60) for b in range(a)]
    beaten, beats = np.zeros(60, int), np.zeros(60, int)
    for place, (a, b, p) in enumerate(sorted(pairs, key=lambda pair: pair[2])):
        if p * (len(pairs) - place) >= 0.05:
            break
        worse, better = sorted((a, b), key=lambda row: clips[row].mean())
        beaten[worse] += 1
        beats[better] += 1
    assert 0 < beats.sum() < len(pairs)
    assert found == [(1 + int(low), 60 - int(high)) for low, high in zip(beaten, beats, strict=True)]


def test_the_frontier_holds_what_nothing_beats_at_no_more_cost() -> None:
    points = [(2.0, 5.0), (1.0, 3.0), (3.0, 4.0), (3.0, 9.0), (1.0, 2.0)]
    assert query.frontier(points) == [1, 0, 3]


def test_the_downloaded_tables_are_inert_and_hold_the_same_figures(shown: query.View, board: Board) -> None:
    (standing,) = (s for s in query.standings(shown) if s.card.name == "blend")
    evil = replace(standing, card=MethodCard(name="=HYPERLINK(1)_&$", family="x"))
    found = query.intervals(shown, [standing.row], ("score", "mae-target"))
    rows = ranking_files.records([evil], found, ("score", "mae-target"))
    (line,) = csv.DictReader(io.StringIO(ranking_files.to_csv(rows)))
    assert line["method"] == "'=HYPERLINK(1)_&$"
    assert float(line["score"]) == pytest.approx(found[standing.row]["score"].mean)
    assert float(line["mae-target_low"]) <= float(line["mae-target"])
    document = json.loads(ranking_files.to_json(board, "smoke", rows))
    assert document["rows"][0]["score"] == found[standing.row]["score"].mean
    assert document["signature"] == board.signature
    parquet = pandas.read_parquet(io.BytesIO(ranking_files.to_parquet(rows)))
    assert parquet.loc[0, "score"] == found[standing.row]["score"].mean
    card = MetricCard(name="mae-target", title="MAE", family="ground-truth", better="lower")
    scale = ranking_table.scales(found, [card])
    latex = ranking_files.to_latex(board, "smoke", [evil], found, ("score", "mae-target"), scale)
    assert r"=HYPERLINK(1)\_\&\$" in latex
    assert latex.count(r"\\") == 2


def test_every_edit_as_parquet_is_one_row_per_method_and_case(shown: query.View, results: tuple[Result, ...]) -> None:
    frame = pandas.read_parquet(io.BytesIO(ranking_files.edits_to_parquet(shown)))
    assert len(frame) == len(results)
    assert int(frame["failed"].sum()) == sum(not r.ok for r in results)


def test_metrics_of_whole_sets_stand_beside_the_others(shown: query.View) -> None:
    row = shown.columns.row("blend")
    key = shown.columns.keys[row]
    sets = {key: {"kvd": SetScore(0.5, None, 0.25, 0.75, 7, 4), "fid": SetScore(9.0, edits=7, groups=4)}}
    found = query.of_sets(shown, [row], sets | {"other": {}})[row]
    assert (found["kvd"].low, found["kvd"].high, found["kvd"].groups) == (0.25, 0.75, 4)
    scale = ranking_table.Scale(None, 0, 10)
    assert ranking_table.interval_cell(found["kvd"], EN, scale, 7).note == "0.250 – 0.750"
    assert ranking_table.interval_cell(found["fid"], EN, scale, 7).note == EN.ranking.no_interval


def test_cases_without_a_value_come_last(shown: query.View) -> None:
    entries = query.worst_first(shown, "fails-once", "mae-target")
    assert entries[-1].case.id == "clip0-background"
    assert entries[-1].value is None


def test_ranks_over_a_grid_of_weights_hold_the_place_of_every_weighting() -> None:
    cases = tuple(_case(i) for i in range(4))
    axes = {"accuracy": [[0.9], [0.5]], "preservation": [[0.2], [0.9]], "temporal": [[1.0], [1.0]]}
    values = {name: np.repeat(np.float32(v), 4, 1) for name, v in axes.items()} | {"score": np.ones((2, 4), np.float32)}
    cards = tuple(MethodCard(name=name, family="x") for name in "ab")
    edits = np.ones((2, 4), np.float32)
    cost = dict.fromkeys(columns_module.COST, edits)
    columns = columns_module.Columns(cards, ("a", "b"), ("r", "r"), cases, values, edits, 0 * edits, cost)
    shown = query.view(columns, "dev")
    members = query.standings(shown).tracks["text"]
    assert query.rank_range(shown, members) == {0: (1, 2), 1: (1, 2)}


def _case(index: int) -> EditCase:
    asset = Asset(path="x.mp4", sha256="0" * 64, width=8, height=8)
    words = {"source_prompt": "a", "target_prompt": "b", "instruction": Instruction(en="c", zh="d")}
    return EditCase(
        id=str(index), group=str(index), scenario="color", vertical="toys", source=asset, split="dev", **words
    )


def test_both_languages_fill_the_same_templates_and_leave_nothing_untranslated() -> None:
    """Names that are the same in both (product, NFE, signs of a comparison) are the only equal strings."""
    same = {"ShopEdit-Bench", "NFE", "A − B", "p", "bench votes forget VOTER"}

    def compare(one: object, other: object, path: str) -> None:
        if isinstance(one, str):
            assert isinstance(other, str)
            assert sorted(_fields(one)) == sorted(_fields(other)), path
            assert one != other or one in same or one.startswith("bench "), path
        elif isinstance(one, dict):
            assert isinstance(other, dict)
            assert list(one) == list(other), path
            for key, value in one.items():
                compare(value, other[key], f"{path}.{key}")
        else:
            for name in one.__dataclass_fields__:
                if name not in ("code", "name"):
                    compare(getattr(one, name), getattr(other, name), f"{path}.{name}")

    compare(EN, ZH, "text")


def _fields(template: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.99743, "0.997"),
        (31.62, "31.6"),
        (-0.5, "−0.500"),
        (12345.6, "12346"),
        (3e8, "3.00e+08"),
    ],
)
def test_numbers_show_the_digits_that_mean_something(value: float | None, text: str) -> None:
    assert numbers.significant(value) == text


def test_links_quote_what_names_hold() -> None:
    assert pick.link("cases", method="a&b=c", scenario="") == "cases?method=a%26b%3Dc"


def test_every_metric_family_has_a_heading() -> None:
    families = MetricCard.model_fields["family"].annotation.__args__
    assert set(families) == set(EN.frame.families)
    assert case_view.lines([], {}, EN) == []


def test_one_voter_gives_neither_an_interval_nor_a_rank() -> None:
    votes = [Vote("ann", "a", "b", 1), Vote("ann", "b", "c", 1)]
    alone, two = (rate([*votes, *(replace(v, voter=name) for v in votes)]) for name in ("ann", "bob"))
    for line in study_view.rating_lines(alone, EN):
        assert line.cells[1].text == numbers.NONE
        assert (line.cells[2].bar, line.cells[2].note) == (None, EN.vote.one_voter)
    assert study_view.rating_lines(two, EN)[0].cells[2].bar is not None


def test_metrics_are_named_in_the_readers_language_and_the_score_comes_before_its_axes() -> None:
    cards = [
        MetricCard(name=name, title=name.upper(), family=family, better="higher")
        for name, family in (
            ("psnr", "ground-truth"),
            ("own", "ground-truth"),
            ("temporal", "score"),
            ("score", "score"),
        )
    ]
    assert [c.name for c in case_view.in_order(cards, EN)][:2] == ["score", "temporal"]
    assert [case_view.title(c, ZH) for c in cards[:2]] == ["PSNR（整帧）", "OWN"]
